//! Cost limits of subscriptions: their number per owner, and the time that their criteria hold the writer.

use rstest::rstest;
use serde_json::{Value, json};
use service::event::numbering::assign_event_numbers;
use service::event::numbering::authorization::EventAuthorizations;
use service::event::numbering::authorize_waiting_events;
use store::Tx;

use super::{activate, classic, heard, id_of, kept, number_all, subscribe};
use crate::fhir::bodies::role;
use crate::fhir::client::{get, patch, post, put, send_well};
use crate::fhir::scopes::{citizen, issuing, system};
use crate::support::{Backend, TestApp};
use crate::vrs::known::{LONER, MOTHER, PATIENTS};

/// The heaviest criteria allowed; different ones each time.
fn heaviest(at: usize) -> String {
    let names = (0..10).map(|n| format!("a{at}x{n}")).collect::<Vec<String>>().join(",");
    format!("Consent?{}", vec![format!("patient.name:contains={names}"); 3].join("&"))
}

/// Creates a role and ends it, so that its people have two events.
async fn change(app: &TestApp, patient: &str) {
    let as_system = async |request: crate::support::Request| match app.authority {
        Some(_) => request.bearer(&app.token(&system(), "system/*.cruds").await),
        None => request,
    };
    let create = as_system(post("/Consent", &role(LONER, patient))).await;
    let id = id_of(&send_well(app, create, 201).await);
    let change = json!([
        { "op": "replace", "path": "/status", "value": "inactive" },
        { "op": "replace", "path": "/extension/0/valueCodeableConcept/coding/0/code",
          "value": "ROLE_DEACTIVATED_PATIENT_REQUEST" },
    ]);
    send_well(app, as_system(patch(&format!("/Consent/{id}"), &change)).await, 200).await;
}

/// By POST, PUT and within a transaction.
#[rstest]
#[actix_web::test]
async fn subscription_of_more_than_16_kib_is_413_and_is_not_kept(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let token = app.token(&citizen(MOTHER), "user/*.cruds").await;
    let small = classic("Consent?status=active", None);
    let kept = send_well(&app, post("/Subscription", &small).bearer(&token), 201).await;
    let mut large = kept.clone();
    large["extension"] = json!([{ "url": "http://x.example", "valueString": "x".repeat(16 * 1024) }]);
    let place = format!("/Subscription/{}", id_of(&kept));
    send_well(&app, put(&place, &large).bearer(&token), 413).await;
    for member in ["id", "meta"] {
        large.as_object_mut().expect("a resource").remove(member);
    }
    send_well(&app, post("/Subscription", &large).bearer(&token), 413).await;
    let entry = json!({ "resource": large, "request": { "method": "POST", "url": "Subscription" } });
    let transaction = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    send_well(&app, post("", &transaction).bearer(&token), 413).await;
    let all = send_well(&app, get("/Subscription").bearer(&token), 200).await;
    assert_eq!(all["total"], 1, "{all}");
    assert_eq!(send_well(&app, get(&place).bearer(&token), 200).await, kept);
}

#[rstest]
#[actix_web::test]
async fn citizen_has_twenty_live_subscriptions_and_one_more_is_422(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let token = app.token(&citizen(MOTHER), "user/*.cruds").await;
    let body = classic("Consent?status=active", None);
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(id_of(&send_well(&app, post("/Subscription", &body).bearer(&token), 201).await));
    }
    let refused = send_well(&app, post("/Subscription", &body).bearer(&token), 422).await;
    let text = refused["issue"][0]["diagnostics"].as_str().expect("a sentence").to_owned();
    assert!(text.starts_with("The owner has 20 subscriptions"), "{text}");
    // Nor by way of one that is off.
    let mut off = body.clone();
    off["status"] = "off".into();
    let id = id_of(&send_well(&app, post("/Subscription", &off).bearer(&token), 201).await);
    let mut on = send_well(&app, get(&format!("/Subscription/{id}")).bearer(&token), 200).await;
    on["status"] = "requested".into();
    let path = format!("/Subscription/{id}");
    send_well(&app, put(&path, &on).bearer(&token), 422).await;
    let mut first = send_well(&app, get(&format!("/Subscription/{}", ids[0])).bearer(&token), 200).await;
    first["status"] = "off".into();
    send_well(&app, put(&format!("/Subscription/{}", ids[0]), &first).bearer(&token), 200).await;
    send_well(&app, put(&path, &on).bearer(&token), 200).await;
    // Another person, and a system, have their own.
    let other = app.token(&citizen(LONER), "user/*.cruds").await;
    send_well(&app, post("/Subscription", &body).bearer(&other), 201).await;
    let system = app.token(&system(), "system/*.cruds").await;
    for _ in 0..25 {
        send_well(&app, post("/Subscription", &body).bearer(&system), 201).await;
    }
}

/// The writer's work for one event does not depend on the size or the number of criteria.
#[rstest]
#[actix_web::test]
async fn write_that_numbers_an_event_costs_as_many_statements_for_twenty_heavy_criteria_as_for_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    number_all(&app).await;
    let mut costs = Vec::new();
    for (from, to) in [(0, 1), (1, 20)] {
        for at in from..to {
            // Each has a grant of its own.
            let token = app.token(&citizen(LONER), "user/*.cruds").await;
            let body = classic(&heaviest(at), None);
            send_well(&app, post("/Subscription", &body).bearer(&token), 201).await;
        }
        change(&app, PATIENTS[if from == 0 { 1 } else { 2 }]).await;
        let (renderer, clock) = (app.renderer.clone(), app.clock.clone());
        let (asked, at) = (renderer.clone(), clock.clone());
        let authorizations =
            app.store.read(move |tx| authorize_waiting_events(tx, &*at, &asked)).await.expect("it is judged");
        assert!(!authorizations.is_empty());
        let before = app.store.statements();
        let numbered =
            app.store.write(move |tx| assign_event_numbers(tx, &*clock, &renderer, &authorizations)).await;
        assert!(numbered.expect("it is numbered") > 0);
        costs.push(app.store.statements() - before);
    }
    assert_eq!(costs[0], costs[1], "{costs:?}");
    assert!(costs[0] <= 18, "{costs:?}");
}

/// Concurrent changes between evaluation and numbering: no event is missed, and none delivered that may not
/// be.
#[rstest]
#[actix_web::test]
async fn changes_between_evaluation_and_numbering_are_respected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let all = classic("Consent?status=active,inactive", None);
    let kept_on = id_of(&subscribe(&app, &all).await);
    let changed = id_of(&subscribe(&app, &classic("Consent?status=rejected", None)).await);
    let ended = id_of(&subscribe(&app, &all).await);
    for id in [&kept_on, &changed, &ended] {
        activate(&app, id).await;
    }
    change(&app, PATIENTS[1]).await;
    let (renderer, clock) = (app.renderer.clone(), app.clock.clone());
    let authorizations: EventAuthorizations = app
        .store
        .read(move |tx| authorize_waiting_events(tx, &*clock, &renderer))
        .await
        .expect("it is judged");

    let path = format!("/Subscription/{changed}");
    let mut body = send_well(&app, get(&path), 200).await;
    body["criteria"] = "Consent?status=active,inactive".into();
    send_well(&app, put(&path, &body), 200).await;
    let path = format!("/Subscription/{ended}");
    let mut body = send_well(&app, get(&path), 200).await;
    body["status"] = "off".into();
    send_well(&app, put(&path, &body), 200).await;
    let late = id_of(&send_well(&app, post("/Subscription", &all), 201).await);
    // A later event.
    change(&app, PATIENTS[2]).await;

    let (renderer, clock) = (app.renderer.clone(), app.clock.clone());
    let numbered = app
        .store
        .write(move |tx: &mut Tx<'_>| assign_event_numbers(tx, &*clock, &renderer, &authorizations))
        .await;
    assert_eq!(numbered.expect("they are numbered"), 2, "those that were judged");
    let numbers = async |id: &str| {
        let id = kept(&app, id).await.value.id;
        app.look(move |tx| tx.list_events_of(id, 1, i64::MAX, 1000)).await.len()
    };
    assert_eq!([numbers(&kept_on).await, numbers(&changed).await], [2, 2]);
    assert_eq!([numbers(&ended).await, numbers(&late).await], [0, 0]);
    // The others are numbered in the next run.
    assert_eq!(heard(&app, &kept_on).await.len(), 4);
    assert_eq!(heard(&app, &changed).await.len(), 4);
    assert_eq!(heard(&app, &late).await.len(), 2);
    assert_eq!(heard(&app, &ended).await.len(), 0);
}

/// The same criteria of different people are different questions.
#[rstest]
#[actix_web::test]
async fn equal_criteria_are_evaluated_for_each_owner(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    number_all(&app).await;
    let mut ids = Vec::new();
    for (person, scope) in
        [(LONER, "user/*.cruds"), (LONER, "user/Subscription.cruds"), (MOTHER, "user/*.cruds")]
    {
        let token = app.token(&citizen(person), scope).await;
        let body: Value = classic("Consent?status=active", None);
        ids.push(id_of(&send_well(&app, post("/Subscription", &body).bearer(&token), 201).await));
    }
    let token = app.token(&system(), "system/*.cruds").await;
    send_well(&app, post("/Consent", &role(LONER, PATIENTS[1])).bearer(&token), 201).await;
    let mut text = Vec::new();
    for id in &ids {
        text.push(heard(&app, id).await.len());
    }
    assert_eq!(text, [1, 0, 0]);
}
