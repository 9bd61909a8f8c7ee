//! Contract §2.3 #5: of two faults of a new role, the earlier check is reported.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::edit::{with, without};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{CHILD, LONER, MOTHER, NOBODY, SON};

/// Changes to a good body, each a fault by itself.
fn fault(body: Value, name: &str) -> Value {
    let wrong = "https://example.org";
    match name {
        "parse" => with(body, "/resourceType", "Patient"),
        "no status" => without(body, "/status"),
        "status" => with(body, "/status", "asleep"),
        "no scope" => without(body, "/scope"),
        "scope" => with(body, "/scope/coding/0/code", "x"),
        "no category" => without(body, "/category"),
        "category" => with(body, "/category/0/coding/0/code", "x"),
        "no patient" => without(body, "/patient"),
        "no patient system" => without(body, "/patient/identifier/system"),
        "patient system" => with(body, "/patient/identifier/system", wrong),
        "no patient value" => without(body, "/patient/identifier/value"),
        "patient value" => with(body, "/patient/identifier/value", "1"),
        "no performer" => without(body, "/performer"),
        "no performer system" => without(body, "/performer/0/identifier/system"),
        "performer system" => with(body, "/performer/0/identifier/system", wrong),
        "performer value" => with(body, "/performer/0/identifier/value", "1"),
        "no dateTime" => without(body, "/dateTime"),
        "dateTime" => with(body, "/dateTime", "yesterday"),
        "provision" => with(body, "/provision/type", "deny"),
        "end" => with(body, "/provision/period/end", "2020-01-01"),
        "basis" => with(body, "/policyRule", json!({ "coding": [{ "system": wrong, "code": "x" }] })),
        "reason" => with(body, "/extension/0", bodies::reason("BECAUSE")),
        "no text" => with(body, "/extension/0", bodies::reason("OTHER")),
        "no grantor" => without(body, "/extension/1"),
        "grantor" => with(body, "/extension/1", bodies::grantor("BAD")),
        "may not" => with(body, "/extension/0", bodies::reason("ROLE_ACTIVATED")),
        "duplicate" => {
            let body = with(body, "/performer/0", bodies::person(MOTHER));
            let body = with(body, "/provision/actor/0/reference/identifier/value", MOTHER);
            with(body, "/patient/identifier/value", CHILD)
        }
        "unknown" => with(body, "/patient/identifier/value", NOBODY[0]),
        _ => unreachable!("no fault is called {name}"),
    }
}

const ROWS: [(&[&str], (u16, &str)); 37] = [
    (&["parse", "no status"], (400, "BAD_REQUEST")),
    (&["no status", "no scope"], (400, "MISSING_STATUS")),
    (&["status", "no scope"], (422, "INVALID_STATUS")),
    (&["no scope", "no category"], (400, "MISSING_SCOPE")),
    (&["scope", "no category"], (422, "INVALID_SCOPE")),
    (&["no category", "no patient"], (400, "MISSING_CATEGORY")),
    (&["category", "no patient"], (422, "INVALID_CATEGORY")),
    (&["no patient", "no performer"], (400, "MISSING_PATIENT")),
    (&["no patient system", "patient value"], (400, "MISSING_IDENTIFIER_SYSTEM")),
    (&["patient system", "patient value"], (422, "INVALID_IDENTIFIER_SYSTEM")),
    (&["patient system", "no patient value"], (422, "INVALID_IDENTIFIER_SYSTEM")),
    (&["patient system", "no performer"], (422, "INVALID_IDENTIFIER_SYSTEM")),
    (&["patient value", "no performer"], (422, "INVALID_IDENTIFIER_VALUE")),
    (&["no patient value", "no performer"], (400, "MISSING_IDENTIFIER_VALUE")),
    (&["patient value", "no performer system"], (422, "INVALID_IDENTIFIER_VALUE")),
    (&["no performer", "no dateTime"], (400, "MISSING_PERFORMER")),
    (&["no performer system", "performer value"], (400, "MISSING_IDENTIFIER_SYSTEM")),
    (&["performer system", "performer value"], (422, "INVALID_IDENTIFIER_SYSTEM")),
    (&["performer value", "dateTime"], (422, "INVALID_IDENTIFIER_VALUE")),
    (&["no dateTime", "provision"], (400, "MISSING_DATETIME")),
    (&["dateTime", "provision"], (422, "INVALID_DATETIME")),
    (&["provision", "basis"], (422, "INVALID_PROVISION")),
    (&["end", "basis"], (422, "INVALID_PROVISION")),
    (&["basis", "reason"], (400, "BAD_REQUEST")),
    (&["reason", "no grantor"], (422, "INVALID_EXTENSION")),
    (&["reason", "grantor"], (422, "INVALID_EXTENSION")),
    (&["no text", "no grantor"], (400, "MISSING_FREE_TEXT_FOR_OTHER")),
    (&["no text", "grantor"], (400, "MISSING_FREE_TEXT_FOR_OTHER")),
    (&["may not", "no grantor"], (400, "MISSING_GRANTOR")),
    (&["may not", "grantor"], (422, "INVALID_GRANTOR_VALUE")),
    (&["duplicate", "may not"], (400, "BAD_REQUEST")),
    (&["duplicate", "no grantor"], (400, "MISSING_GRANTOR")),
    (&["unknown", "may not"], (400, "BAD_REQUEST")),
    // Recorded from the real service.
    (&["no scope", "no performer", "no grantor", "reason", "basis"], (400, "MISSING_SCOPE")),
    (&["status", "reason", "basis"], (422, "INVALID_STATUS")),
    (&["patient system", "reason", "basis"], (422, "INVALID_IDENTIFIER_SYSTEM")),
    (&["duplicate"], (409, "DUPLICATE_RELATIONSHIP")),
];

#[rstest]
#[actix_web::test]
async fn create_reports_the_first_fault_in_contract_order(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (faults, (status, code)) in ROWS {
        // Later faults go in first, so that one which removes an element finds it.
        let body = faults.iter().fold(bodies::consent(LONER, SON), |body, name| fault(body, name));
        let answer = app.post("/Consent", body).await;
        assert_eq!(answer.status_and_code(), (status, code.to_owned()), "{faults:?}");
        footprint.check_untouched(&faults.join(" and "));
    }
}
