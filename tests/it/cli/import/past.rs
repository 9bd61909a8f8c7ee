//! Roles with a past: a state that could have come about step by step is accepted as it is.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Desk, report};
use crate::support::{Backend, bodies, sql};

fn standing(desk: &Desk, number: usize, status: &str, reason: &str, end: Option<&str>) -> Value {
    let mut role = desk.role(number);
    role["status"] = status.into();
    role["extension"][0] = if reason == "OTHER" {
        bodies::reason_with_text(reason, "As it was there")
    } else {
        bodies::reason(reason)
    };
    if let Some(end) = end {
        role["provision"]["period"]["end"] = end.into();
    }
    role
}

#[rstest]
fn import_keeps_a_role_that_has_ended(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let desk = Desk::new(backend, 6);
    let stands = [
        ("active", "ROLE_CREATED", None),
        ("active", "ROLE_REACTIVATED", Some("2099-01-01")),
        ("active", "ROLE_ACTIVATED", None),
        ("active", "OTHER", None),
        ("inactive", "ROLE_DEACTIVATED_END_DATE_REACHED", Some("2021-06-30")),
        ("inactive", "ROLE_DEACTIVATED_SAFEGUARDING", None),
        ("inactive", "ROLE_SUSPENDED_PENDING_REVIEW", Some("2099-01-01")),
        ("inactive", "OTHER", Some("2021-06-30")),
        ("rejected", "APPLICATION_REJECTED_NO_CONSENT", None),
    ];
    let lines: Vec<Value> = (0..)
        .zip(stands)
        .map(|(number, (status, reason, end))| standing(&desk, number, status, reason, end))
        .collect();
    let file = desk.file(&lines);
    desk.import(&file, &[]).well();
    assert_eq!(desk.roles(), 9);
    let written = sql::values(
        &desk.database.url,
        "SELECT status || ' ' || reason_code || ' ' || COALESCE(end_text, '-') AS value FROM roles ORDER BY id",
    );
    let wanted = stands.map(|(status, reason, end)| format!("{status} {reason} {}", end.unwrap_or("-")));
    assert_eq!(written, wanted);
    assert!(desk.import(&file, &[]).well().contains("roles: 0 created, 9 same"));
}

#[rstest]
fn import_rejects_a_role_in_an_unreachable_state(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let desk = Desk::new(backend, 8);
    let wrong = [
        (standing(&desk, 0, "inactive", "ROLE_CREATED", None), "Consent.extension"),
        (standing(&desk, 1, "active", "ROLE_DEACTIVATED_SAFEGUARDING", None), "Consent.extension"),
        (standing(&desk, 2, "active", "ROLE_CREATED", Some("2021-06-30")), "Consent.provision.period.end"),
        (
            standing(&desk, 3, "inactive", "ROLE_DEACTIVATED_SAFEGUARDING", Some("2019-01-01")),
            "Consent.provision.period",
        ),
        (standing(&desk, 4, "proposed", "APPLICATION_SUBMITTED", None), "Consent.status"),
    ];
    let lines: Vec<Value> = wrong.iter().map(|(line, _)| line.clone()).collect();
    let ended = desk.import(&desk.file(&lines), &["--report", "left.ndjson"]);
    assert_eq!(ended.code, Some(1));
    let text: Vec<Value> = report(&desk.folder, "left.ndjson")
        .iter()
        .map(|line| json!([line["issue"][0]["code"], line["issue"][0]["expression"]]))
        .collect();
    // That a period ends before it begins is a rule of R4 already.
    let code = |at: &str| if at.ends_with(".period") { "invariant" } else { "business-rule" };
    let wanted: Vec<Value> = wrong.iter().map(|(_, at)| json!([code(at), at])).collect();
    assert_eq!(text, wanted);
    assert_eq!(desk.roles(), 0);
}

/// An existing role is reported as the same, though today's rules would not accept it.
#[rstest]
fn imported_role_is_unchanged_after_its_end_passed(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let desk = Desk::new(backend, 3);
    let file = desk.file(&[standing(&desk, 0, "active", "ROLE_CREATED", Some("2099-01-01"))]);
    desk.import(&file, &[]).well();
    sql::execute(&desk.database.url, "UPDATE roles SET end_text = '2021-06-30', end_at = 1625093999999");
    let lapsed = desk.file(&[standing(&desk, 0, "active", "ROLE_CREATED", Some("2021-06-30"))]);
    assert!(desk.import(&lapsed, &[]).well().contains("roles: 0 created, 1 same"));
}
