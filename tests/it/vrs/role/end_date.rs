//! Contract §6.4 and domain.md: the end of a role is inclusive, and once it has passed the role counts as
//! inactive in every answer, with no job having run.

use chrono::TimeDelta;
use domain::proxy::{ReasonCode, Status};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{ACTIVE, PATIENTS, PROXY, consent, id};
use crate::vrs::validated::validated;

const REACHED: &str = "ROLE_DEACTIVATED_END_DATE_REACHED";

async fn end_on(app: &TestApp, end: &str) {
    let body = json!([{ "op": "add", "path": "/provision/period/end", "value": end }]);
    assert_eq!(app.patch(&consent(ACTIVE), body).await.status, 200, "{end}");
}

/// Status and reason as a read shows them, and the statuses under which a search finds the role.
async fn counts_as(app: &TestApp) -> (Value, Value, Vec<&'static str>) {
    let role = validated(&app.get(&consent(ACTIVE)).await)["entry"][0]["resource"].clone();
    let reason = role["extension"][0]["valueCodeableConcept"]["coding"][0]["code"].clone();
    let mut found = Vec::new();
    for status in ["active", "inactive", "active,inactive", "rejected", "proposed"] {
        let query = format!(
            "/Consent?performer:identifier={PROXY}&patient:identifier={}&status={status}",
            PATIENTS[0]
        );
        let bundle = validated(&app.get(&query).await);
        if bundle["total"] == 1 {
            found.push(status);
            assert_eq!(bundle["entry"][0]["resource"], role, "{status}");
        }
    }
    (role["status"].clone(), reason, found)
}

#[rstest]
#[actix_web::test]
async fn role_is_active_through_its_last_day_and_not_a_millisecond_longer(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    // From the beginning, 2026-11-22T12:00:00Z, to the last millisecond of each end.
    for (end, last) in [
        ("2026-11-22", TimeDelta::hours(12) - TimeDelta::milliseconds(1)),
        ("2026-11-23", TimeDelta::hours(36) - TimeDelta::milliseconds(1)),
        ("2026-11", TimeDelta::hours(8 * 24 + 12) - TimeDelta::milliseconds(1)),
        ("2026-11-22T13:00:00Z", TimeDelta::hours(1)),
        ("2026-11-22T13:00:00.500+00:00", TimeDelta::milliseconds(3_600_500)),
    ] {
        let app = TestApp::strict(backend).await;
        end_on(&app, end).await;
        let mut footprint = Footprint::of(&app);
        app.clock.advance(last);
        let active = (json!("active"), json!("ROLE_CREATED"), vec!["active", "active,inactive"]);
        assert_eq!(counts_as(&app).await, active, "{end}");
        app.clock.advance(TimeDelta::milliseconds(1));
        let inactive = (json!("inactive"), json!(REACHED), vec!["inactive", "active,inactive"]);
        assert_eq!(counts_as(&app).await, inactive, "{end}");
        footprint.check_untouched("reading writes nothing");
    }
}

#[rstest]
#[actix_web::test]
async fn a_change_to_a_role_that_has_ended_leaves_both_steps_in_its_history(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    end_on(&app, "2026-11-22").await;
    app.clock.advance(TimeDelta::days(2));
    let mut footprint = Footprint::of(&app);
    let body = json!([
        { "op": "replace", "path": "/status", "value": "active" },
        { "op": "add", "path": "/extension/-", "value": [bodies::reason("ROLE_REACTIVATED"), bodies::grantor("B20047")] },
        { "op": "remove", "path": "/provision/period/end" },
    ]);
    assert_eq!(app.patch(&consent(ACTIVE), body).await.status, 200);
    assert_eq!(footprint.grown(), Rows { versions: 2, acts: 2, events: 2, ..Rows::default() });
    let reference = format!("Consent/{ACTIVE}");
    let (versions, acts, topics) = app
        .look(move |tx| {
            Ok((tx.list_role_versions(id(ACTIVE))?, tx.list_acts(&reference)?, tx.list_topics(&reference)?))
        })
        .await;
    let steps: Vec<_> =
        versions.iter().map(|role| (role.version, role.value.status, role.value.reason.code())).collect();
    assert_eq!(
        steps,
        [
            (1, Status::Active, ReasonCode::RoleCreated),
            (2, Status::Active, ReasonCode::RoleCreated),
            (3, Status::Inactive, ReasonCode::RoleDeactivatedEndDateReached),
            (4, Status::Active, ReasonCode::RoleReactivated),
        ]
    );
    let by = |act: &str, principal: &str| (act.to_owned(), principal.to_owned());
    assert_eq!(acts[2..], [by("role-lapsed", "service"), by("role-changed", "anyone")]);
    assert_eq!(topics[2..], ["proxy-role-changed", "proxy-role-changed"]);
    assert_eq!(counts_as(&app).await.0, "active");
}

#[rstest]
#[actix_web::test]
async fn change_of_an_expired_role_is_validated_as_inactive(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    end_on(&app, "2026-11-22").await;
    app.clock.advance(TimeDelta::days(2));
    let mut footprint = Footprint::of(&app);
    let inactive = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST")]);
    let still_ended =
        bodies::move_to("active", &[bodies::reason("ROLE_REACTIVATED"), bodies::grantor("A20047")]);
    let later = json!([{ "op": "replace", "path": "/provision/period/end", "value": "2030-01-01" }]);
    for (row, body, code) in [
        ("it is inactive already", inactive, "INVALID_STATE_TRANSITION"),
        ("it is not active with an end", later, "INVALID_STATE_TRANSITION"),
        ("its end has passed", still_ended, "INVALID_END_DATE"),
    ] {
        assert_eq!(
            app.patch(&consent(ACTIVE), body).await.status_and_code(),
            (422, code.to_owned()),
            "{row}"
        );
        footprint.check_untouched(row);
    }
}

#[rstest]
#[actix_web::test]
async fn an_end_may_be_today_but_neither_past_nor_before_the_start(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for (end, status) in [
        ("2026-11-22", 200),
        ("2026-11-22T12:00:00Z", 200),
        ("2026-11", 200),
        ("2026", 200),
        ("2026-11-21", 422),
        ("2026-11-22T11:59:59Z", 422),
        ("2025-02-10", 422),
        ("2025", 422),
    ] {
        let body = json!([{ "op": "replace", "path": "/provision/period/end", "value": end }]);
        let answer = app.patch(&consent(ACTIVE), body).await;
        assert_eq!(answer.status, status, "{end}");
        if status == 422 {
            assert_eq!(answer.code(), "INVALID_END_DATE", "{end}");
        }
    }
}
