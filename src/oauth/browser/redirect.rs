//! Redirects to the app (RFC 6749 §4.1.2), always with `iss` (RFC 9207).

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};

use domain::account::AuthorizationRequest;

/// An authorization error response (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthorizationError {
    /// The registered code.
    pub(super) error: &'static str,
    /// For the app's developer: no values of the request.
    pub(super) description: &'static str,
}

impl AuthorizationError {
    pub(super) const fn new(error: &'static str, description: &'static str) -> Self {
        Self { error, description }
    }

    pub(super) const DENIED: Self = Self::new("access_denied", "The user denied the request.");
}

/// The target of a redirect: a redirect URI that is registered for the app.
pub(super) struct Back<'r> {
    pub(super) redirect_uri: &'r str,
    pub(super) state: Option<&'r str>,
    pub(super) issuer: &'r str,
}

impl<'r> Back<'r> {
    pub(super) fn of(request: &'r AuthorizationRequest, issuer: &'r str) -> Self {
        Self { redirect_uri: &request.redirect_uri, state: Some(&request.state), issuer }
    }

    /// Redirects with a code.
    pub(super) fn with_code(&self, code: &str) -> HttpResponse {
        see_other(&self.url(&[("code", code)]))
    }

    /// Redirects with an error.
    pub(super) fn refused(&self, refused: AuthorizationError) -> HttpResponse {
        see_other(&self.url(&[("error", refused.error), ("error_description", refused.description)]))
    }

    fn url(&self, answer: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(answer);
        if let Some(state) = self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", self.issuer);
        let joint = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{joint}{}", self.redirect_uri, query.finish())
    }
}

/// Redirects the browser by GET (303 See Other).
pub(super) fn see_other(url: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, url))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .finish()
}

/// The source of a URI in the terms of Content-Security-Policy; `None` for one that it cannot express.
pub(super) fn csp_source(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let is_plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
    };
    if !is_plain(scheme, "+-.") {
        return None;
    }
    if !matches!(scheme, "http" | "https") {
        return Some(format!("{scheme}:"));
    }
    let host = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    is_plain(host, ".-:[]").then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::{Back, csp_source};

    #[test]
    fn redirect_response_is_added_to_an_existing_query() {
        let url = |redirect_uri, state| {
            Back { redirect_uri, state, issuer: "https://as.example" }.url(&[("code", "a&b")])
        };
        assert_eq!(
            url("https://app.example/back", Some("s t")),
            "https://app.example/back?code=a%26b&state=s+t&iss=https%3A%2F%2Fas.example"
        );
        assert_eq!(
            url("https://app.example/back?x=1", None),
            "https://app.example/back?x=1&code=a%26b&iss=https%3A%2F%2Fas.example"
        );
    }

    #[test]
    fn content_security_policy_lists_origins_and_schemes_only() {
        for (uri, source) in [
            ("https://app.example/back?x", Some("https://app.example")),
            ("http://127.0.0.1:9000/callback", Some("http://127.0.0.1:9000")),
            ("com.example.app:/back", Some("com.example.app:")),
            ("https://app.example; script-src *", None),
            ("https:app.example", None),
            ("no scheme:x", None),
            ("nothing", None),
        ] {
            assert_eq!(csp_source(uri).as_deref(), source, "{uri}");
        }
    }
}
