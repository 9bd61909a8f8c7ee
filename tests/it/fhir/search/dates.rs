//! Date parameters: every prefix, every precision, and periods with open ends.

use rstest::rstest;

use super::{assert_refused, assert_totals};
use crate::support::{Backend, TestApp};

// covers S-25
#[rstest]
#[actix_web::test]
async fn a_date_is_found_at_every_precision(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    // Every role was written at 17:32:28Z on a summer's day, which England's clocks called 18:32:28.
    let table = [
        ("Consent?date=2024", 32),
        ("Consent?date=2024-07", 32),
        ("Consent?date=2024-07-21", 32),
        ("Consent?date=2024-07-21T17:32Z", 32),
        ("Consent?date=2024-07-21T18:32", 32),
        ("Consent?date=2024-07-21T17:32", 0),
        ("Consent?date=2024-07-21T18:32:28", 32),
        ("Consent?date=2024-07-21T18:32%2B01:00", 32),
        ("Consent?date=2024-07-21T17:32:28Z", 32),
        ("Consent?date=2024-07-21T18:32:28%2B01:00", 32),
        ("Consent?date=2024-07-21T18:32:28+01:00", 32),
        ("Consent?date=2024-07-21T17:32:29Z", 0),
        ("Consent?date=2024-07-22", 0),
        ("QuestionnaireResponse?authored=2024-07-15", 1),
        ("QuestionnaireResponse?authored=gt2024-07-15", 0),
        ("Patient?birthdate=1980", 28),
        ("Patient?birthdate=2022-10-22", 1),
        ("Patient?birthdate=ge2018", 4),
        ("Patient?birthdate=lt1936", 1),
        ("Patient?death-date:missing=true", 48),
        ("Consent?_lastUpdated=lt2026", 32),
        ("Consent?_lastUpdated=ge2025-02-17T14:30:00Z", 32),
        ("AuditEvent?date=2026-11-22&action=C", 32),
        ("Provenance?recorded=2026-11-22&when=le2026-11-22", 32),
    ];
    assert_totals(&app, &table).await;
}

// covers S-25
#[rstest]
#[actix_web::test]
async fn every_prefix_compares_periods_by_their_ends_and_open_ends_last(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    // All begin on 2025-02-11; 4 end on 2026-02-11, 21 at the end of 2099, 7 never.
    let table = [
        ("Consent?period=eq2025", 0),
        ("Consent?period=ne2025", 32),
        ("Consent?period=gt2026-02-11", 28),
        ("Consent?period=gt2100", 7),
        ("Consent?period=ge2026-02-11", 32),
        ("Consent?period=ge2099-12-31", 28),
        ("Consent?period=lt2025-02-11", 0),
        ("Consent?period=lt2025-02-12", 32),
        ("Consent?period=le2025-02-10", 0),
        ("Consent?period=le2025-02-11", 32),
        ("Consent?period=sa2025-02-10", 32),
        ("Consent?period=sa2025-02-11", 0),
        ("Consent?period=eb2026-02-11", 0),
        ("Consent?period=eb2026-02-12", 4),
        ("Consent?period=eb2101", 25),
        ("Consent?period=ap2026-11-22", 28),
        ("Consent?period:missing=true", 0),
        ("Consent?period:missing=false", 32),
    ];
    assert_totals(&app, &table).await;
}

// covers S-05, S-09, S-29
#[rstest]
#[actix_web::test]
async fn what_is_no_date_or_has_no_such_prefix_is_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let refused = [
        "Consent?date=%3E%3D2026",
        "Consent?date=%3E2026",
        "Consent?date=xx2026",
        "Consent?date=2026-13",
        "Consent?date=2026-02-30",
        "Consent?date=2026-11-22T25:00",
        "Consent?date=tomorrow",
        "Consent?date=gt",
        "Consent?date:exact=2026",
        "Consent?_lastUpdated=soon",
        "Questionnaire?date=soon",
    ];
    assert_refused(&app, 400, &refused).await;
}
