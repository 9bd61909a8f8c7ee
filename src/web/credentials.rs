//! The credentials in a request's headers. No other crate reads `Authorization`.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};

use service::authentication::PresentedCredentials;

/// The credentials of a request. `url` is the URL under which clients reach it, without query and fragment: a
/// DPoP proof is made for it (RFC 9449 §4.2).
pub(crate) fn presented_credentials<'r>(request: &'r HttpRequest, url: &'r str) -> PresentedCredentials<'r> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    PresentedCredentials {
        authorization: header(AUTHORIZATION.as_str()),
        dpop: header("dpop").filter(|_| request.headers().get_all("dpop").count() == 1),
        method: request.method().as_str(),
        url,
        query: request.query_string(),
    }
}

/// The bearer token of a request (RFC 6750 §2.1), for endpoints whose callers are known by one token alone.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A request has the header `Authorization` more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is more than one Authorization header")]
pub struct RepeatedAuthorization;

/// The header `Authorization` with which a client authenticates to the authorization server.
///
/// # Errors
///
/// [`RepeatedAuthorization`].
pub fn authorization(request: &HttpRequest) -> Result<Option<&HeaderValue>, RepeatedAuthorization> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    match (headers.next(), headers.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(RepeatedAuthorization),
    }
}
