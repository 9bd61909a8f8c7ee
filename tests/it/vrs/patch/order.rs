//! Contract §2.3 #7: of two faults of a change, the earlier check is reported.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACTIVE, INACTIVE, NO_SUCH_ID, PROPOSED, REJECTED, consent};

fn op(path: &str, value: Value) -> Value {
    json!({ "op": "replace", "path": path, "value": value })
}

fn extensions(values: Vec<Value>) -> Value {
    op("/extension/-", Value::from(values))
}

type Row = (&'static str, &'static str, Value, (u16, &'static str));

fn form_rows() -> Vec<Row> {
    let bad_path = op("/patient", json!("x"));
    let status = op("/status", json!("asleep"));
    let unsupported = json!({ "op": "move", "from": "/x", "path": "/patient" });
    vec![
        ("lookup before format", NO_SUCH_ID, json!({}), (404, "RESOURCE_NOT_FOUND")),
        ("lookup before path", NO_SUCH_ID, json!([bad_path]), (404, "RESOURCE_NOT_FOUND")),
        ("lookup before values", NO_SUCH_ID, json!([status]), (404, "RESOURCE_NOT_FOUND")),
        ("format before path", ACTIVE, json!([bad_path, {}]), (400, "INVALID_PATCH_FORMAT")),
        ("format before operation", ACTIVE, json!([unsupported, {}]), (400, "INVALID_PATCH_FORMAT")),
        ("path before duplicates", ACTIVE, json!([status, status, bad_path]), (422, "INVALID_PATCH_PATH")),
        ("a bad path twice", ACTIVE, json!([bad_path, bad_path]), (422, "INVALID_PATCH_PATH")),
        ("duplicates before status code", ACTIVE, json!([status, status]), (409, "DUPLICATE_PATCHES")),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table has as many rows as it has")]
fn value_rows() -> Vec<Row> {
    let asleep = op("/status", json!("asleep"));
    let inactive = op("/status", json!("inactive"));
    let active = op("/status", json!("active"));
    let proposed = op("/status", json!("proposed"));
    let end = op("/provision/period/end", json!("2020-01-01"));
    let basis = op("/policyRule", json!({ "coding": [{ "system": bodies::BASIS_SYSTEM, "code": "x" }] }));
    let reason = bodies::reason;
    let other_url = json!({ "url": "https://example.org", "valueString": "x" });
    let bad_grantor = bodies::grantor("BAD");
    let grantor = bodies::grantor("A20047");
    let one = |extension: Value| extensions(vec![extension]);
    let two = |first: Value, second: &Value| extensions(vec![first, second.clone()]);
    vec![
        (
            "status code before the extension's url",
            ACTIVE,
            json!([asleep, one(other_url)]),
            (422, "INVALID_STATUS_CODE"),
        ),
        ("status code before an absent reason", ACTIVE, json!([asleep]), (422, "INVALID_STATUS_CODE")),
        (
            "status code before free text",
            ACTIVE,
            json!([asleep, one(reason("OTHER"))]),
            (422, "INVALID_STATUS_CODE"),
        ),
        ("an absent reason before grantor", REJECTED, json!([active]), (422, "INVALID_STATUS_REASON")),
        (
            "an absent reason before a bad grantor",
            REJECTED,
            json!([active, one(bad_grantor.clone())]),
            (422, "INVALID_STATUS_REASON"),
        ),
        ("an absent reason before transition", ACTIVE, json!([proposed]), (422, "INVALID_STATUS_REASON")),
        (
            "an unknown reason before grantor",
            REJECTED,
            json!([active, one(reason("BECAUSE"))]),
            (422, "INVALID_STATUS_REASON"),
        ),
        (
            "free text before grantor",
            REJECTED,
            json!([active, one(reason("OTHER"))]),
            (400, "MISSING_FREE_TEXT_FOR_OTHER"),
        ),
        (
            "free text before a bad grantor",
            INACTIVE,
            json!([active, two(reason("OTHER"), &bad_grantor)]),
            (400, "MISSING_FREE_TEXT_FOR_OTHER"),
        ),
        (
            "free text before transition",
            ACTIVE,
            json!([proposed, one(reason("OTHER"))]),
            (400, "MISSING_FREE_TEXT_FOR_OTHER"),
        ),
        (
            "grantor before transition",
            PROPOSED,
            json!([active, one(reason("ROLE_ACTIVATED"))]),
            (400, "MISSING_GRANTOR"),
        ),
        (
            "a bad grantor before transition",
            PROPOSED,
            json!([active, two(reason("ROLE_ACTIVATED"), &bad_grantor)]),
            (422, "INVALID_GRANTOR_VALUE"),
        ),
        (
            "grantor before a reason that does not fit",
            REJECTED,
            json!([active, one(reason("ROLE_CREATED"))]),
            (400, "MISSING_GRANTOR"),
        ),
        (
            "transition before a reason that does not fit",
            ACTIVE,
            json!([proposed, one(reason("ROLE_CREATED"))]),
            (422, "INVALID_STATE_TRANSITION"),
        ),
        (
            "transition before end",
            ACTIVE,
            json!([proposed, end, one(reason("APPLICATION_SUBMITTED"))]),
            (422, "INVALID_STATE_TRANSITION"),
        ),
        (
            "a reason that does not fit before end",
            ACTIVE,
            json!([end, inactive, one(reason("ROLE_CREATED"))]),
            (422, "INVALID_STATUS_REASON"),
        ),
        (
            "a reason that does not fit before basis",
            REJECTED,
            json!([active, basis, two(reason("ROLE_CREATED"), &grantor)]),
            (422, "INVALID_STATUS_REASON"),
        ),
        (
            "an unreadable end before basis",
            ACTIVE,
            json!([basis, op("/provision/period/end", json!("soon"))]),
            (422, "INVALID_END_DATE"),
        ),
    ]
}

#[rstest]
#[actix_web::test]
async fn patch_reports_the_first_fault_in_contract_order(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let mut wrong = Vec::new();
    for (row, role, body, (status, code)) in form_rows().into_iter().chain(value_rows()) {
        let expected = app.patch(&consent(role), body).await.status_and_code();
        if expected != (status, code.to_owned()) {
            wrong.push(format!("{row}: {status} {code} was expected, {expected:?} was told"));
        }
        footprint.check_untouched(row);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An end that can be parsed and yet is not allowed, beside an unknown legal basis.
#[rstest]
#[actix_web::test]
async fn past_end_is_reported_before_an_unknown_legal_basis(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let end = op("/provision/period/end", json!("2020-01-01"));
    let basis = op("/policyRule", json!({ "coding": [{ "system": bodies::BASIS_SYSTEM, "code": "x" }] }));
    let active = bodies::move_to("active", &[bodies::reason("ROLE_ACTIVATED"), bodies::grantor("A20047")]);
    let activation: Vec<_> =
        active.as_array().unwrap().iter().cloned().chain([basis.clone(), end.clone()]).collect();
    for (role, body) in [(ACTIVE, json!([basis, end])), (REJECTED, Value::from(activation))] {
        let expected = app.patch(&consent(role), body).await.status_and_code();
        assert_eq!(expected, (422, "INVALID_END_DATE".to_owned()), "{role}");
    }
}
