//! Headers that decide how a request of this API is parsed and answered.

use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;
use serde_json::json;

use super::{Mutated, all_stand, held};
use crate::fhir::bodies::one_of_each;
use crate::fhir::bundle::{ask, bundle};
use crate::support::{Backend, TestApp};
use crate::vrs::known::{LONER, MOTHERS_ROLE, PATIENTS};

const NAMES: &[&str] = &[
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Content-Encoding",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-None-Exist",
    "Prefer",
    "Origin",
    "Authorization",
    "X-Request-ID",
    "X-Correlation-Id",
    "Range",
];

const VALUES: &[&str] = &[
    "",
    "*",
    "*/*",
    ",",
    ";",
    "\"",
    "application/fhir+json",
    "application/fhir+json; charset=utf-16",
    "application/fhir+json;fhirVersion=3.0",
    "application/fhir+xml",
    "application/fhir+xml;q=0.5, application/json;q=0.6",
    "application/json",
    "application/json-patch+json",
    "application/x-www-form-urlencoded",
    "application/fhir+json;q=2, text/html;q=x",
    "text/html",
    "image/png",
    "W/\"1\"",
    "\"1\"",
    "1",
    "W/\"1\", W/\"2\"",
    "W/\"99999999999999999999\"",
    "W/\"",
    "W/\"%00\"",
    "Sun, 22 Nov 2026 12:00:00 GMT",
    "Sun, 99 Nov 2026 12:00:00 GMT",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "return=minimal",
    "return=representation",
    "return=OperationOutcome",
    "return=presentation; x=y, handling=strict",
    "handling=strict",
    "respond-async",
    "status=active",
    "consentor:identifier=9000000033",
    "identifier=9000000017&patient:identifier=9000000009",
    "?patient=",
    "status:nonsense=x",
    "_id=%00",
    "_has:Consent:patient:status=active",
    "_count=0",
    "gzip",
    "https://portal.example",
    "Bearer x",
    "bytes=0-1",
    "60E0B220-8136-4CA5-AE46-1D97EF59D068",
];

/// Requests that are answered well as they are.
async fn sound(app: &TestApp) -> Vec<Mutated> {
    let json = "application/fhir+json";
    let mut requests = vec![
        Mutated::new("GET", "/metadata"),
        Mutated::new("GET", &format!("/Consent/{MOTHERS_ROLE}")),
        Mutated::new("GET", "/Consent?status=active&_count=2"),
        Mutated::new("POST", "/Consent/_search").with("application/x-www-form-urlencoded", "status=active"),
        Mutated::new("GET", &format!("/Consent/{MOTHERS_ROLE}/_history")),
        Mutated::new("POST", "").with(json, bundle("batch", &[ask("GET", "Consent?_count=1")]).to_string()),
        Mutated::new("OPTIONS", "/Consent"),
    ];
    for patient in PATIENTS {
        for (path, body) in one_of_each(LONER, patient) {
            requests.push(Mutated::new("POST", path).with(json, body.to_string()));
        }
    }
    for (path, body) in held(app).await {
        let patch = json!([{ "op": "test", "path": "/id", "value": body["id"] }]).to_string();
        requests.push(Mutated::new("PUT", &path).with(json, body.to_string()));
        requests.push(Mutated::new("PATCH", &path).with("application/json-patch+json", patch));
    }
    requests
}

#[rstest]
#[actix_web::test]
async fn request_with_any_headers_is_2xx_or_4xx(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let byte = any::<u8>().prop_filter("ends the line", |byte| !b"\r\n".contains(byte));
    let value = prop_oneof![
        6 => select(VALUES).prop_map(|value| value.as_bytes().to_vec()),
        1 => (select(VALUES), select(VALUES)).prop_map(|(one, two)| format!("{one},{two}").into_bytes()),
        1 => "[ -~]{0,60}".prop_map(String::into_bytes),
        1 => prop::collection::vec(byte, 0..40),
    ];
    let headers = prop::collection::vec((select(NAMES), value), 1..4);
    let requests = (select(sound(&app).await), headers).prop_map(|(request, headers)| {
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    });
    all_stand(&app, requests).await;
}
