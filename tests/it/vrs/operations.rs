//! The seven operations of contract §1.1, each with a request that succeeds on the strict server.

use serde_json::{Value, json};

use crate::support::{Request, bodies};
use crate::vrs::known::{ACTIVE, LONER, MOTHER, MOTHERS_ROLE, PATIENTS, SON};

/// A request below the base, with everything that every operation asks for.
pub fn request(method: &str, path: &str) -> Request {
    let path = format!("{}{path}", api_vrs::BASE_PATH);
    Request::new(method, &path).with_id()
}

pub fn get(path: &str) -> Request {
    request("GET", path)
}

pub fn post(path: &str, body: &Value) -> Request {
    request("POST", path).header("Content-Type", "application/fhir+json").body(body)
}

pub fn patch(path: &str, body: &Value) -> Request {
    request("PATCH", path).header("Content-Type", "application/json-patch+json").body(body)
}

/// The patch that ends a role.
pub fn end() -> Value {
    bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST")])
}

/// The patch that sets the last day of a role.
pub fn end_on(day: &str) -> Value {
    json!([{ "op": "replace", "path": "/provision/period/end", "value": day }])
}

/// Each operation once, in an order in which all of them succeed; `access_request` is the id of an
/// access request.
pub fn all(access_request: &str) -> [(&'static str, Request); 7] {
    [
        ("#1", post("/QuestionnaireResponse", &bodies::access_request(MOTHER, SON))),
        ("#2", get(&format!("/QuestionnaireResponse/{access_request}"))),
        ("#3", get(&format!("/RelatedPerson?identifier={MOTHER}"))),
        ("#4", get(&format!("/Consent?performer:identifier={MOTHER}"))),
        ("#5", post("/Consent", &bodies::consent(LONER, PATIENTS[0]))),
        ("#6", get(&format!("/Consent/{MOTHERS_ROLE}"))),
        ("#7", patch(&format!("/Consent/{ACTIVE}"), &end())),
    ]
}

/// The bare answer of a write (§2.1).
pub fn informational() -> Value {
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "information", "code": "informational" }],
    })
}
