//! The body of a request to these endpoints: `application/x-www-form-urlencoded`, each parameter once, except
//! `resource` (RFC 8707 §2).

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;

use crate::problem::OAuthError;
use ::web::body::Bodies;
use ::web::state;
use service::account::TokenError;
use service::authority::Authority;

/// The largest form, in bytes: enough for two tokens and an assertion.
pub(crate) const MAX_BYTES: usize = 8 * 1024;
/// The most parameters, repeated `resource` included.
const MAX_PARAMETERS: usize = 64;
const MAX_RESOURCES: usize = 5;
/// The one parameter that may be repeated.
const RESOURCE: &str = "resource";

/// Parameters, each once. An empty one counts as absent (RFC 6749 §3.1).
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`OAuthError`] where it is not a form, is too large, or repeats a parameter.
    pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, OAuthError> {
        if !request.query_string().is_empty() {
            return Err(OAuthError::invalid("send parameters in the body: URLs are kept in logs"));
        }
        let bytes = state::<Bodies>(request)?.read_at_most(MAX_BYTES, request.headers(), payload).await?;
        let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = given.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(OAuthError::invalid("send a form: Content-Type application/x-www-form-urlencoded"));
        }
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self, OAuthError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(bytes).into_owned() {
            let most = if name == RESOURCE { MAX_RESOURCES } else { 1 };
            let same = pairs.iter().filter(|(known, _)| *known == name).count();
            if same >= most || pairs.len() >= MAX_PARAMETERS {
                return Err(OAuthError::invalid("a parameter is repeated, or there are too many"));
            }
            // No parameter of OAuth contains control characters, and PostgreSQL cannot store NUL.
            if value.chars().any(char::is_control) {
                return Err(OAuthError::invalid("a parameter contains a control character"));
            }
            pairs.push((name, value));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self(pairs))
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a required parameter; `message` is the description of the error.
    ///
    /// # Errors
    ///
    /// [`OAuthError`] where it is absent.
    pub(crate) fn need(&self, name: &str, message: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or(OAuthError::invalid(message))
    }

    /// The APIs that `resource`, and another parameter if there is one, name; empty for all.
    ///
    /// # Errors
    ///
    /// [`OAuthError`]: 400 `invalid_target` where one is not an API of this server.
    pub(crate) fn audience(
        &self,
        authority: &Authority,
        other: Option<&str>,
    ) -> Result<Vec<String>, OAuthError> {
        let is_named = |name: &str| name == RESOURCE || Some(name) == other;
        let named = self.0.iter().filter(|(name, _)| is_named(name)).map(|(_, url)| url.as_str());
        authority.audience(named).ok_or_else(|| TokenError::Audience.into())
    }

    /// The parameters with these names, as a form.
    pub(crate) fn only(&self, names: &[&str]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.0.iter().filter(|(name, _)| names.contains(&name.as_str())));
        form.finish()
    }
}
