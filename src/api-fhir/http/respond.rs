//! Responses and refusals as HTTP.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, ETAG, HeaderValue, LAST_MODIFIED, LOCATION, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::api::ResponseFormat;
use crate::interaction::reply::Reply;
use crate::refusal::{Challenge, Refusal};
use domain::account::endpoints;
use fhir::format::Format;
use fhir::format::prefer::Return;
use fhir::outcome::operation_outcome;
use fhir::{etag, format};
use service::authority::Authority;

/// The request headers that a response depends on (RFC 9110, section 12.5.5).
pub(super) const VARIES: &str = "origin, accept, prefer";

pub(super) fn respond(status: u16, writing: ResponseFormat, has_body: bool) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((VARY, HeaderValue::from_static(VARIES)));
    if has_body {
        response.content_type(writing.format.content_type());
    }
    response
}

pub(super) fn respond_with(reply: Reply, writing: ResponseFormat) -> HttpResponse {
    let rendered = reply.rendered;
    let mut response = respond(reply.status, writing, rendered.is_some());
    if reply.is_secret {
        response.insert_header((CACHE_CONTROL, "no-store"));
    }
    if let Some(version) = reply.version {
        response.insert_header((ETAG, etag::render_etag(version)));
    }
    if let Some(at) = reply.last_modified {
        response.insert_header((LAST_MODIFIED, etag::render_http_date(at)));
    }
    if let Some(location) = &reply.location {
        response.insert_header((LOCATION, location.as_str()));
    }
    match rendered {
        Some(body) => response.body(body),
        None => response.finish(),
    }
}

/// A refusal in the format that every client reads.
pub(crate) fn refuse_plainly(refusal: &Refusal) -> HttpResponse {
    let plain = ResponseFormat { format: Format::Json, is_pretty: false, prefers: Return::Representation };
    refuse(refusal, plain)
}

/// The `WWW-Authenticate` header, with the scope that would be needed (SC-09).
pub(super) fn challenge(challenge: Option<&Challenge>) -> String {
    let error = challenge.map(|challenge| format!(", error=\"{}\"", challenge.error));
    let scope = challenge.and_then(|challenge| challenge.scope.as_ref());
    let scope = scope.map(|scope| format!(", scope=\"{scope}\""));
    let scheme = match challenge.map(|challenge| challenge.error) {
        Some("invalid_dpop_proof") => "DPoP",
        Some(_) | None => "Bearer",
    };
    format!("{scheme} realm=\"OnBehalf\"{}{}", error.unwrap_or_default(), scope.unwrap_or_default())
}

/// Adds the URL of this API's metadata to the challenge of a 401 (RFC 9728 §5.1), where there is an
/// authorization server.
pub(super) fn name_metadata(response: &mut HttpResponse, authority: Option<&Authority>) {
    let (Some(authority), StatusCode::UNAUTHORIZED) = (authority, response.status()) else { return };
    let Some(Ok(challenge)) = response.headers().get(WWW_AUTHENTICATE).map(HeaderValue::to_str) else {
        return;
    };
    let metadata = authority.url(&format!("{}{}", endpoints::PROTECTED_RESOURCE, endpoints::FHIR_BASE));
    let challenge = format!("{challenge}, resource_metadata=\"{metadata}\"");
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
}

pub(super) fn refuse(refusal: &Refusal, writing: ResponseFormat) -> HttpResponse {
    let outcome = operation_outcome(&refusal.issues);
    let mut response = respond(refusal.status, writing, true);
    if let Some(allow) = &refusal.allow {
        response.insert_header((ALLOW, allow.as_ref()));
    }
    if refusal.takes_no_encoding {
        response.insert_header((ACCEPT_ENCODING, "identity"));
    }
    if let Some(seconds) = refusal.retry_after {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if refusal.status == 401 || refusal.challenge.is_some() {
        response.insert_header((WWW_AUTHENTICATE, challenge(refusal.challenge.as_ref())));
    }
    response.body(format::render(&outcome, writing.format, writing.is_pretty))
}
