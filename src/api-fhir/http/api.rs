//! The state for one request, and the format of its response.

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, HeaderMap};

use crate::bundle::BundleTurns;
use crate::context::FhirSettings;
use crate::refusal::Refusal;
use ::web::body::Bodies;
use ::web::gate::Gate;
use fhir::format;
use fhir::format::Format;
use fhir::format::prefer::{Prefer, Return};

/// The format of a response.
#[derive(Clone, Copy)]
pub(super) struct ResponseFormat {
    pub(super) format: Format,
    pub(super) is_pretty: bool,
    pub(super) prefers: Return,
}

/// The state for one request.
#[derive(Clone, Copy)]
pub(super) struct Api<'r> {
    pub(super) gate: &'r Gate,
    pub(super) bodies: &'r Bodies,
    pub(super) turns: &'r BundleTurns,
    pub(super) settings: &'r FhirSettings,
}

/// The parameters of query and form, decoded.
pub(super) type QueryParams = Vec<(String, String)>;

/// The response format that the caller wants; refusals have it too.
pub(super) fn writing(request: &HttpRequest, query: &[(String, String)]) -> Result<ResponseFormat, Refusal> {
    let param = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let accept = joined(request.headers(), ACCEPT.as_str());
    let format = format::negotiate(accept.as_deref(), param("_format"))?;
    let prefers = preference(request.headers()).returns;
    Ok(ResponseFormat { format, is_pretty: param("_pretty") == Some("true"), prefers })
}

/// The preferences of the caller (G-09 to G-11).
pub(super) fn preference(headers: &HeaderMap) -> Prefer {
    joined(headers, "prefer").map(|text| Prefer::parse([text.as_str()])).unwrap_or_default()
}

/// Every value of a header, as one list.
pub(super) fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}
