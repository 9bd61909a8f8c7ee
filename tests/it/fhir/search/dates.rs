//! Date parameters: every prefix, every precision, and periods with open ends.

use rstest::rstest;

use super::{ROLE, assert_refused, assert_totals, bundle, get, total};
use crate::fhir::client::{post, put, send};
use crate::support::{Backend, TestApp};

// covers S-25
#[rstest]
#[actix_web::test]
async fn date_search_matches_every_precision(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
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

// covers FAULT-8, S-25
#[rstest]
#[actix_web::test]
async fn date_equality_means_the_whole_period(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    // Written at 12:00:03.280Z: every time of it has milliseconds.
    app.clock.advance(chrono::TimeDelta::milliseconds(3_280));
    let role = get(&app, &format!("Consent/{ROLE}")).await.json();
    let mut ended = role.clone();
    ended["provision"]["period"]["end"] = "2099-11-01".into();
    let answer = send(&app, put(&format!("/Consent/{ROLE}"), &ended)).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let at = answer.json()["meta"]["lastUpdated"].as_str().expect("a time").to_owned();
    assert!(at.ends_with(":03.280Z"), "{at}");
    let day = &at[..10];
    // The form was written at 09:43:03.280Z.
    let form = ("QuestionnaireResponse", "authored", "2024-07-15T09:43", "2024-07-15T10:43", "");
    let written = format!("{day}T12:00");
    let elsewhere = format!("{day}T13:00");
    let only = format!("&_id={ROLE}");
    let change = ("Consent", "_lastUpdated", written.as_str(), elsewhere.as_str(), only.as_str());
    let record =
        format!("&patient={}&action=U", role["patient"]["identifier"]["value"].as_str().expect("a number"));
    let act = ("AuditEvent", "date", written.as_str(), elsewhere.as_str(), record.as_str());
    for (kind, param, minute, abroad, more) in [form, change, act] {
        for (value, found) in [
            (format!("{minute}:03Z"), 1),
            (format!("eq{minute}:03Z"), 1),
            (format!("ne{minute}:03Z"), 0),
            (format!("{minute}:03.2Z"), 1),
            (format!("{minute}:03.28Z"), 1),
            (format!("{minute}:03.280Z"), 1),
            (format!("ne{minute}:03.280Z"), 0),
            (format!("{minute}:03.281Z"), 0),
            (format!("{minute}:03.3Z"), 0),
            (format!("{minute}:02Z"), 0),
            (format!("{minute}:04Z"), 0),
            (format!("ne{minute}:04Z"), 1),
            (format!("{abroad}:03%2B01:00"), 1),
            (format!("ne{abroad}:03%2B01:00"), 0),
            (format!("{minute}:02Z,{minute}:03Z"), 1),
            (format!("{minute}Z"), 1),
            (format!("ne{minute}Z"), 0),
            (format!("le{minute}:03Z"), 1),
            (format!("ge{minute}:03Z"), 1),
            (format!("gt{minute}:03Z"), 1),
            (format!("gt{minute}Z"), 0),
            (format!("sa{minute}:03Z"), 1),
            (format!("lt{minute}:03Z"), 0),
            (format!("eb{minute}:04Z"), 1),
        ] {
            assert_eq!(
                total(&app, &format!("{kind}?{param}={value}{more}")).await,
                found,
                "{kind} {param}={value}"
            );
        }
    }
    // England's clocks show an hour more in July.
    assert_totals(
        &app,
        &[
            ("QuestionnaireResponse?authored=2024-07-15T10:43:03", 1),
            ("QuestionnaireResponse?authored=ne2024-07-15T10:43:03", 0),
            ("QuestionnaireResponse?authored=2024-07-15T09:43:03", 0),
            ("Patient?_has:QuestionnaireResponse:patient:authored=2024-07-15T09:43:03Z", 1),
            ("Consent?_id=none&patient._lastUpdated=2024-07-15T09:43:03Z", 0),
            ("Patient?_has:Consent:patient:_lastUpdated=ne2020-01-01T00:00:00Z&_count=1", 24),
        ],
    )
    .await;
    // A condition means the same: it finds the form, so that nothing is created.
    let form = bundle(&app, "QuestionnaireResponse").await["entry"][0]["resource"].clone();
    let mut again = form.clone();
    for name in ["id", "identifier", "meta"] {
        again.as_object_mut().expect("members").remove(name);
    }
    let condition = "authored=2024-07-15T09:43:03Z";
    let create = post("/QuestionnaireResponse", &again).header("If-None-Exist", condition);
    let found = send(&app, create).await;
    assert_eq!((found.status, &found.json()["id"]), (200, &form["id"]));
    let update = send(&app, put(&format!("/QuestionnaireResponse?{condition}"), &form)).await;
    assert_eq!((update.status, &update.json()["id"]), (200, &form["id"]), "{}", update.json());
    // The version that was current within the second.
    let history = format!("Consent/{ROLE}/_history?_at={day}T12:00:03Z");
    let versions = get(&app, &history).await.json();
    assert_eq!(versions["total"], 2, "{versions}");
}

// covers S-05, S-09, S-29
#[rstest]
#[actix_web::test]
async fn invalid_date_or_prefix_is_400(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
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
