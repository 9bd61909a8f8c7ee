//! Contract §5 #7: what `PATCH /Consent/{id}` accepts, and what it leaves behind: all or nothing.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{ACTIVE, ENDING, INACTIVE, MORE_ACTIVE, PROXY, REJECTED, consent, id};
use crate::vrs::operations::informational;
use crate::vrs::validated::validated;

fn op(op: &str, path: &str, value: Value) -> Value {
    json!({ "op": op, "path": path, "value": value })
}

async fn show(app: &TestApp, role: &str) -> Value {
    validated(&app.get(&consent(role)).await)["entry"][0]["resource"].clone()
}

/// Changes a role and looks at what it left: the answer, a version, a record, an event.
async fn change(
    app: &TestApp,
    footprint: &mut Footprint,
    row: &str,
    role: &'static str,
    body: &Value,
) -> Value {
    let reference = format!("Consent/{role}");
    let looked = reference.clone();
    let before = app.look(move |tx| tx.list_role_versions(id(role))).await;
    footprint.grown();
    app.clock.advance(TimeDelta::milliseconds(1500));
    let answer = app.patch(&consent(role), body).await;
    assert_eq!(answer.status, 200, "{row}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(validated(&answer), informational(), "{row}");
    assert_eq!(answer.header("Location"), None, "{row}");
    assert_eq!(footprint.grown(), Rows::CHANGED, "{row}");
    let after = app.look(move |tx| tx.list_role_versions(id(role))).await;
    assert_eq!(after[..before.len()], before[..], "{row}: earlier versions stay");
    assert_eq!(after.last().map(|role| role.version), before.last().map(|role| role.version + 1), "{row}");
    let (acts, topics) = app.look(move |tx| Ok((tx.list_acts(&looked)?, tx.list_topics(&looked)?))).await;
    assert_eq!(acts.last(), Some(&("role-changed".to_owned(), "anyone".to_owned())), "{row}");
    assert_eq!(topics.last().map(String::as_str), Some("proxy-role-changed"), "{row}: {reference}");
    let shown = show(app, role).await;
    let now = app.now().format("%FT%T%.3fZ").to_string().replace(".000Z", "Z");
    assert_eq!(shown["meta"]["lastUpdated"], now, "{row}");
    shown
}

fn basis(code: &str) -> Value {
    json!({ "coding": [{ "system": bodies::BASIS_SYSTEM, "code": code }] })
}

/// Name, role, patch, and what is where afterwards (null for nothing).
#[expect(clippy::too_many_lines, reason = "a table has as many rows as it has")]
fn rows() -> Vec<(&'static str, &'static str, Value, &'static str, Value)> {
    let end = "/provision/period/end";
    let reason = bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING");
    let inactive = |operation: &str, extension: Value| {
        json!([op(operation, "/status", json!("inactive")), op("add", "/extension/-", extension)])
    };
    let unknown = json!({ "coding": [{
        "system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK" }]});
    let code = "/extension/0/valueCodeableConcept/coding/0/code";
    let safeguarding = json!("ROLE_DEACTIVATED_SAFEGUARDING");
    let actor = json!([{ "reference": { "type": "RelatedPerson",
        "identifier": { "system": bodies::NHS, "value": PROXY } } }]);
    vec![
        (
            "add an end where none is",
            ACTIVE,
            json!([op("add", end, json!("2027-12-02"))]),
            end,
            json!("2027-12-02"),
        ),
        (
            "replace an end",
            ACTIVE,
            json!([op("replace", end, json!("2028-01-01T00:00:00Z"))]),
            end,
            json!("2028-01-01T00:00:00Z"),
        ),
        (
            "add over an end",
            ACTIVE,
            json!([op("add", end, json!("2027-06-01T12:00:00.5+01:00"))]),
            end,
            json!("2027-06-01T12:00:00.5+01:00"),
        ),
        ("remove an end", ACTIVE, json!([{ "op": "remove", "path": end }]), end, Value::Null),
        (
            "replace where none is",
            ACTIVE,
            json!([op("replace", end, json!("2026-11-22"))]),
            end,
            json!("2026-11-22"),
        ),
        (
            "a basis as an object",
            ENDING,
            json!([op("replace", "/policyRule", basis("consent"))]),
            "/policyRule/coding/0/code",
            json!("consent"),
        ),
        (
            "a basis as an array of one",
            ENDING,
            json!([op("add", "/policyRule", json!([basis("best-interest")]))]),
            "/policyRule/coding/0/display",
            json!("Best interest"),
        ),
        (
            "an unknown basis",
            ENDING,
            json!([op("replace", "/policyRule", unknown)]),
            "/policyRule/coding/0/code",
            json!("UNK"),
        ),
        (
            "a grantor as an array",
            ENDING,
            json!([op("add", "/extension/-", json!([bodies::grantor("B20047")]))]),
            "/extension/1",
            bodies::grantor("B20047"),
        ),
        (
            "a grantor as an object",
            ENDING,
            json!([op("add", "/extension/-", bodies::grantor("C20047"))]),
            "/extension/1",
            bodies::grantor("C20047"),
        ),
        (
            "replace the status",
            MORE_ACTIVE[0],
            inactive("replace", json!([reason])),
            code,
            safeguarding.clone(),
        ),
        ("add the status", MORE_ACTIVE[1], inactive("add", json!([reason])), code, safeguarding.clone()),
        (
            "a reason as one object",
            MORE_ACTIVE[2],
            inactive("replace", reason.clone()),
            code,
            safeguarding.clone(),
        ),
        (
            "the extension first",
            MORE_ACTIVE[3],
            json!([op("add", "/extension/-", json!([reason])), op("replace", "/status", json!("inactive"))]),
            code,
            safeguarding.clone(),
        ),
        (
            "replace the extension",
            MORE_ACTIVE[4],
            json!([
                op("replace", "/status", json!("inactive")),
                op("replace", "/extension/-", json!([reason]))
            ]),
            code,
            safeguarding.clone(),
        ),
        (
            "everything at once",
            INACTIVE,
            json!([
                op("replace", "/status", json!("active")),
                op(
                    "add",
                    "/extension/-",
                    json!([bodies::grantor("D20047"), bodies::reason("ROLE_REACTIVATED")])
                ),
                op("add", end, json!("2030-01-01")),
                op("replace", "/policyRule", basis("consent")),
                op("replace", "/provision/actor", actor),
            ]),
            "/status",
            json!("active"),
        ),
    ]
}

#[rstest]
#[actix_web::test]
async fn patch_creates_a_version_an_audit_record_and_an_event(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (row, role, body, pointer, expected) in rows() {
        let before = show(&app, role).await;
        let shown = change(&app, &mut footprint, row, role, &body).await;
        assert_eq!(shown.pointer(pointer).cloned().unwrap_or_default(), expected, "{row}");
        assert_eq!(shown["extension"].as_array().map(Vec::len), Some(2), "{row}: one reason, one grantor");
        for same in ["id", "scope", "category", "patient", "performer", "dateTime", "policy"] {
            assert_eq!(shown[same], before[same], "{row}: {same}");
        }
        assert_eq!(shown["provision"]["period"]["start"], before["provision"]["period"]["start"], "{row}");
    }
    let whole = show(&app, INACTIVE).await;
    assert_eq!(whole["provision"]["period"]["end"], "2030-01-01");
    assert_eq!(whole["policyRule"]["coding"][0]["code"], "consent");
    assert_eq!(whole["extension"][1], bodies::grantor("D20047"));
}

#[rstest]
#[actix_web::test]
async fn one_invalid_operation_rejects_the_whole_patch(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let before = app.look(|tx| tx.list_role_versions(id(INACTIVE))).await;
    let good = [
        op("replace", "/status", json!("active")),
        op("add", "/extension/-", json!([bodies::reason("ROLE_REACTIVATED"), bodies::grantor("A20047")])),
        op("add", "/provision/period/end", json!("2030-01-01")),
        op("replace", "/policyRule", basis("consent")),
    ];
    let bad = [
        (0, op("replace", "/status", json!("asleep")), 422),
        (
            1,
            op("add", "/extension/-", json!([bodies::reason("ROLE_CREATED"), bodies::grantor("A20047")])),
            422,
        ),
        (1, op("add", "/extension/-", json!([bodies::reason("ROLE_REACTIVATED")])), 400),
        (2, op("add", "/provision/period/end", json!("2020-01-01")), 422),
        (3, op("replace", "/policyRule", basis("x")), 422),
    ];
    for (at, wrong, status) in bad {
        let mut patch = good.to_vec();
        patch[at] = wrong;
        assert_eq!(app.patch(&consent(INACTIVE), Value::from(patch)).await.status, status, "{at}");
    }
    for extra in [op("replace", "/patient", json!("x")), op("move", "/status", json!("x")), json!({})] {
        let patch: Vec<_> = good.iter().cloned().chain([extra.clone()]).collect();
        let status = app.patch(&consent(INACTIVE), Value::from(patch)).await.status;
        assert!((400..=422).contains(&status), "{extra}: {status}");
    }
    footprint.check_untouched("all of them");
    assert_eq!(app.look(|tx| tx.list_role_versions(id(INACTIVE))).await, before);
    assert_eq!(show(&app, INACTIVE).await["status"], "inactive");
    assert_eq!(app.patch(&consent(INACTIVE), Value::from(good.to_vec())).await.status, 200);
}

/// §6.1: an end is set or cleared on an active role.
#[rstest]
#[actix_web::test]
async fn inactive_role_accepts_status_changes_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for role in [INACTIVE, REJECTED] {
        let body = json!([op("add", "/provision/period/end", json!("2030-01-01"))]);
        let answer = app.patch(&consent(role), body).await;
        assert_eq!(answer.status_and_code(), (422, "INVALID_STATE_TRANSITION".to_owned()), "{role}");
    }
    footprint.check_untouched("both");
}
