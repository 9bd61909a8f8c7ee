//! What the headers of a request show of its caller.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use service::admission::Shown;

/// What a request shows. `url` is where clients reach it, without query and fragment: a proof of a key is made
/// for that (RFC 9449 §4.2).
pub fn shown<'r>(request: &'r HttpRequest, url: &'r str) -> Shown<'r> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    Shown {
        authorization: header(AUTHORIZATION.as_str()),
        dpop: header("dpop").filter(|_| request.headers().get_all("dpop").count() == 1),
        method: request.method().as_str(),
        url,
        query: request.query_string(),
    }
}
