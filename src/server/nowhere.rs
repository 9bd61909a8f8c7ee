//! `/`, and unknown paths: a page for browsers, problem details (RFC 9457) for programs. Below the path of
//! the Validated Relationships API its contract defines the response.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use serde_json::json;

use api_fhir as fhir;
use api_vrs as vrs;

/// The first segment of the paths of the Validated Relationships API.
const VRS: &str = "/validated-relationships";

const STYLE: &str = "body{font:1.1em/1.5 Arial,sans-serif;max-width:40em;margin:2em auto;padding:0 1em;color:#212b32}a{color:#005eb8}";
/// The SHA-256 of [`STYLE`], the only style that the pages may use.
const POLICY: &str = "default-src 'none'; style-src 'sha256-0mozbrjJ9Hq8dEsQVmSa3t8L3tBMA5rBtioQbF8UuIk='; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Describes the server and links to its APIs.
pub(super) async fn root(request: HttpRequest) -> HttpResponse {
    if wants_html(&request) {
        let title = "OnBehalf";
        let lead = "This is a server of OnBehalf, the record of who can act for someone else in digital health services.";
        return page(StatusCode::OK, title, lead);
    }
    let message = json!({
        "service": "OnBehalf",
        "fhir": format!("{}/metadata", fhir::BASE_PATH),
        "smart": format!("{}/.well-known/smart-configuration", fhir::BASE_PATH),
        "validated_relationships": vrs::BASE_PATH,
        "about": "/about",
        "health": "/health",
        "ready": "/ready",
    });
    HttpResponse::Ok().insert_header((VARY, "Accept")).json(message)
}

/// 404 for an unknown path.
pub(super) async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    if path == VRS || path.strip_prefix(VRS).is_some_and(|rest| rest.starts_with('/')) {
        return vrs::no_such_path().error_response();
    }
    if wants_html(&request) {
        let lead = "If you typed the web address, check it is correct. If you followed a link, it may be out of date.";
        return page(StatusCode::NOT_FOUND, "Page not found", lead);
    }
    let message = json!({
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": format!(
            "This path is unknown. The FHIR R4 API is at {}, the Validated Relationships API at {}.",
            fhir::BASE_PATH,
            vrs::BASE_PATH
        ),
    });
    HttpResponse::NotFound()
        .insert_header((CONTENT_TYPE, "application/problem+json"))
        .insert_header((VARY, "Accept"))
        .body(message.to_string())
}

/// Whether a browser asks for a page: `Accept` names `text/html`.
pub(super) fn wants_html(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html")))
}

/// A page that repeats nothing of the request.
fn page(status: StatusCode, title: &str, lead: &str) -> HttpResponse {
    let (fhir, vrs) = (fhir::BASE_PATH, vrs::BASE_PATH);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{lead}</p>\n<h2>What is here</h2>\n<ul>\n\
         <li><a href=\"{fhir}/metadata\">FHIR R4 API: CapabilityStatement</a></li>\n\
         <li><a href=\"{fhir}/.well-known/smart-configuration\">SMART App Launch configuration</a>, where the server \
         issues tokens</li>\n<li>Validated Relationships API: <code>{vrs}</code></li>\n\
         <li><a href=\"/about\">About this server</a>: version, metadata, OpenAPI files, documents</li>\n\
         <li><a href=\"/health\">Health</a> and <a href=\"/ready\">readiness</a></li>\n</ul>\n</main>\n</body>\n</html>\n"
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((VARY, "Accept"))
        .body(html)
}
