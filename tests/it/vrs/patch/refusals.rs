//! Contract §2.2 #7: what `PATCH /Consent/{id}` refuses, code by code. Nothing is written then.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::expected_error::{
    ExpectedError, coded, invalid_patch_format, invalid_patch_path, invalid_status_code,
    invalid_status_reason, invalid_transition, invalid_value, role_not_found,
};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACTIVE, ENDING, INACTIVE, MOTHERS_ROLE, NO_SUCH_ID, REJECTED, consent};
use crate::vrs::operations::{end, request};

type Row = (String, &'static str, String, ExpectedError);

fn op(op: &str, path: &str, value: Value) -> Value {
    json!({ "op": op, "path": path, "value": value })
}

fn format_rows() -> Vec<Row> {
    let status = op("replace", "/status", json!("inactive"));
    let bodies = [
        String::new(),
        "{".into(),
        "null".into(),
        "{}".into(),
        "\"/status\"".into(),
        "[1]".into(),
        "[{}]".into(),
        "[[]]".into(),
        status.to_string(),
        json!([{ "op": "replace", "path": "/status" }]).to_string(),
        json!([{ "op": "replace", "value": "inactive" }]).to_string(),
        json!([{ "path": "/status", "value": "inactive" }]).to_string(),
        json!([{ "op": 1, "path": "/status", "value": "inactive" }]).to_string(),
        json!([{ "op": "replace", "path": 1, "value": "inactive" }]).to_string(),
        json!([status, "x"]).to_string(),
        format!("[{status}] x"),
    ];
    bodies.into_iter().map(|body| (format!("format {body}"), ACTIVE, body, invalid_patch_format())).collect()
}

fn path_rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for path in [
        "",
        "/",
        "status",
        "/Status",
        "/status/",
        "/status/0",
        "/id",
        "/patient",
        "/patient/identifier/value",
        "/performer",
        "/dateTime",
        "/scope",
        "/extension",
        "/extension/0",
        "/extension/-/url",
        "/provision",
        "/provision/period",
        "/provision/period/start",
        "/provision/actor/0",
        "/policyRule/coding",
        "/policy",
        "/meta/lastUpdated",
    ] {
        for body in [json!([op("replace", path, json!("x"))]), json!([{ "op": "remove", "path": path }])] {
            rows.push((format!("path {body}"), ACTIVE, body.to_string(), invalid_patch_path()));
        }
    }
    rows
}

fn form_rows() -> Vec<Row> {
    let row = |name: &str, body: Value, expected| (name.to_owned(), ACTIVE, body.to_string(), expected);
    let mut rows = Vec::new();
    for unknown in ["move", "copy", "test", "Replace", "delete", ""] {
        let body = json!([{ "op": unknown, "path": "/status", "from": "/status", "value": "inactive" }]);
        rows.push(row(&format!("operation {unknown}"), body, invalid_value()));
    }
    let twice = |path: &str, value: Value| {
        let body = json!([op("replace", path, value.clone()), op("add", path, value)]);
        row(&format!("twice {path}"), body, coded(409, "DUPLICATE_PATCHES"))
    };
    rows.extend([
        twice("/status", json!("inactive")),
        twice("/extension/-", json!([bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST")])),
        twice("/provision/period/end", json!("2027-01-01")),
        twice("/policyRule", json!({ "coding": [{ "system": bodies::BASIS_SYSTEM, "code": "consent" }] })),
        twice("/provision/actor", json!([{ "reference": { "type": "RelatedPerson" } }])),
    ]);
    rows
}

fn status_rows() -> Vec<Row> {
    let row = |name: &str, role, body: Value, expected| (name.to_owned(), role, body.to_string(), expected);
    let mut rows = Vec::new();
    for wrong in [json!("asleep"), json!("Inactive"), json!("draft"), json!(1), json!(["inactive"])] {
        let body = json!([
            op("replace", "/status", wrong.clone()),
            op("add", "/extension/-", json!([bodies::reason("ROLE_CREATED")]))
        ]);
        rows.push(row(&format!("status {wrong}"), ACTIVE, body, invalid_status_code()));
    }
    let reason = bodies::reason;
    let mut other_system = reason("ROLE_DEACTIVATED_PATIENT_REQUEST");
    other_system["valueCodeableConcept"]["coding"][0]["system"] = json!("https://example.org");
    let text_only = json!({ "url": bodies::REASON_EXTENSION, "valueCodeableConcept": { "text": "x" } });
    let inactive = |extension: Value| bodies::move_to("inactive", &[extension]);
    let unexplained = json!([op("replace", "/status", json!("inactive"))]);
    rows.extend([
        row("no reason", ACTIVE, unexplained, invalid_status_reason()),
        row("an unknown reason", ACTIVE, inactive(reason("BECAUSE")), invalid_status_reason()),
        row("a reason of another system", ACTIVE, inactive(other_system), invalid_status_reason()),
        row("a reason without a code", ACTIVE, inactive(text_only), invalid_status_reason()),
        row("created, so inactive", ACTIVE, inactive(reason("ROLE_CREATED")), invalid_status_reason()),
        row(
            "proposed",
            ACTIVE,
            bodies::move_to("proposed", &[reason("APPLICATION_SUBMITTED")]),
            invalid_transition(),
        ),
        row(
            "still inactive",
            INACTIVE,
            inactive(reason("ROLE_DEACTIVATED_PATIENT_REQUEST")),
            invalid_transition(),
        ),
        row(
            "rejected to inactive",
            REJECTED,
            inactive(reason("ROLE_DEACTIVATED_SAFEGUARDING")),
            invalid_transition(),
        ),
    ]);
    rows
}

fn value_rows() -> Vec<Row> {
    let row = |name: String, body: Value, expected| (name, ENDING, body.to_string(), expected);
    let mut rows = Vec::new();
    for wrong in [
        json!("soon"),
        json!("2026-02-30"),
        json!("2027-01-01T00:00:00"),
        json!(2027),
        json!({ "end": "2027-01-01" }),
        json!("2025-02-10"),
        json!("2026-11-21"),
        json!("2026-11-22T11:59:59.999Z"),
    ] {
        for operation in ["add", "replace"] {
            let body = json!([op(operation, "/provision/period/end", wrong.clone())]);
            rows.push(row(format!("end {wrong}"), body, coded(422, "INVALID_END_DATE")));
        }
    }
    let basis = |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    let good = basis(bodies::BASIS_SYSTEM, "consent");
    for wrong in [
        basis(bodies::BASIS_SYSTEM, "x"),
        basis(bodies::BASIS_SYSTEM, "unknown"),
        basis(bodies::BASIS_SYSTEM, "UNK"),
        basis("https://example.org", "consent"),
        json!({ "text": "consent" }),
        json!("consent"),
        json!([good, basis(bodies::BASIS_SYSTEM, "parental-responsibility")]),
        json!([[good]]),
    ] {
        let body = json!([op("replace", "/policyRule", wrong.clone())]);
        rows.push(row(format!("basis {wrong}"), body, coded(422, "INVALID_LEGAL_BASIS_CODE")));
    }
    let unknown = json!({ "url": "https://example.org", "valueString": "x" });
    let reason = bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST");
    for wrong in [
        json!([unknown]),
        unknown,
        json!("x"),
        json!([1]),
        json!([[reason]]),
        json!([{ "valueCodeableConcept": { "text": "no url" } }]),
        json!([reason, bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]),
        json!([bodies::grantor("A20047"), bodies::grantor("B20047")]),
    ] {
        let body =
            json!([op("replace", "/status", json!("inactive")), op("add", "/extension/-", wrong.clone())]);
        rows.push(row(format!("extension {wrong}"), body, coded(422, "INVALID_EXTENSION")));
    }
    rows
}

#[rstest]
#[actix_web::test]
async fn patch_fault_has_the_contract_text_and_changes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let before = app.get("/Consent?performer:identifier=9991001018").await.json();
    let not_there = [NO_SUCH_ID, "1", "6b71ac92baa34b76b0f5a601257e2722"]
        .map(|id| (format!("no role {id}"), id, end().to_string(), role_not_found()));
    let rows = [format_rows(), path_rows(), form_rows(), status_rows(), value_rows(), not_there.to_vec()];
    for (row, role, body, expected) in rows.into_iter().flatten() {
        let request = request("PATCH", &consent(role)).header("Content-Type", "application/json-patch+json");
        expected.check(&row, &app.send(request.body(body)).await);
        footprint.check_untouched(&row);
    }
    assert_eq!(app.get("/Consent?performer:identifier=9991001018").await.json(), before);
}

/// §9 row 5.
#[rstest]
#[actix_web::test]
async fn status_of_a_bad_patch_path_is_a_setting(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let body = json!([op("replace", "/patient", json!("x"))]);
    let sandbox = TestApp::sandbox(backend).await;
    let answer = sandbox.patch(&consent(MOTHERS_ROLE), &body).await;
    invalid_patch_path().with_status(400).check("sandbox", &answer);
    let strict = TestApp::strict(backend).await;
    invalid_patch_path().check("strict", &strict.patch(&consent(MOTHERS_ROLE), &body).await);
}
