//! Renders the resources in responses (contract §4).

mod access_request;
mod bundle;
mod consent;
mod identifier;
mod outcome;
mod patient;
mod related_person;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::Value;

pub(crate) use access_request::access_request;
pub(crate) use bundle::Bundle;
pub(crate) use consent::consent_bundle;
pub(crate) use outcome::{informational, reference_code};
pub(crate) use patient::{ProofingDisplay, patient};
pub(crate) use related_person::related_person;

/// The content type of every response, errors included.
pub(crate) const FHIR_JSON: &str = "application/fhir+json";

/// A response with a resource.
pub(crate) fn answer(status: StatusCode, resource: &Value) -> HttpResponse {
    HttpResponse::build(status).content_type(FHIR_JSON).body(resource.to_string())
}

/// A response with a created resource and its URL.
pub(crate) fn created(status: StatusCode, location: String, resource: &Value) -> HttpResponse {
    let location = (actix_web::http::header::LOCATION, location);
    HttpResponse::build(status).insert_header(location).content_type(FHIR_JSON).body(resource.to_string())
}
