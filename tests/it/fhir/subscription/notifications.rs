//! Notifications: their recipients and content.

use fhir::format::xml;
use fhir::outcome::Severity;
use fhir::validate::validate;
use rstest::rstest;
use serde_json::{Value, json};

use super::{activate, backport, classic, composed, heard, id_of, national, subscribe};
use crate::fhir::bodies::role;
use crate::fhir::client::{entries, patch, post, send_well};
use crate::fhir::scopes::{self, issuing};
use crate::registry_events;
use crate::support::{Backend, TestApp, sql};
use crate::vrs::known::{LONER, MOTHER, PATIENTS};

/// A role of these two, created now; its id.
async fn created(app: &TestApp, patient: &str) -> String {
    id_of(&send_well(app, post("/Consent", &role(LONER, patient)), 201).await)
}

/// The same, ended.
async fn end(app: &TestApp, id: &str) {
    let change = json!([
        { "op": "replace", "path": "/status", "value": "inactive" },
        { "op": "replace", "path": "/extension/0/valueCodeableConcept/coding/0/code",
          "value": "ROLE_DEACTIVATED_PATIENT_REQUEST" },
    ]);
    send_well(app, patch(&format!("/Consent/{id}"), &change), 200).await;
}

fn checked(body: &[u8]) -> Value {
    let bundle: Value = serde_json::from_slice(body).expect("JSON");
    let wrong: Vec<_> =
        validate(&bundle, "Bundle").into_iter().filter(|issue| issue.severity == Severity::Error).collect();
    assert!(wrong.is_empty(), "{wrong:?} {bundle:#}");
    for entry in bundle["entry"].as_array().expect("entries") {
        assert!(entry["request"]["url"].is_string() && entry["response"]["status"].is_string(), "{entry}");
    }
    let url = bundle["entry"][0]["request"]["url"].as_str().expect("a URL");
    assert!(url.contains("/Subscription/"), "{url}");
    bundle
}

fn events(bundle: &Value) -> Vec<Value> {
    let all = entries(bundle)[0]["parameter"].as_array().expect("parameters").clone();
    all.into_iter().filter(|one| one["name"] == "notification-event").collect()
}

/// Kit 1.2.02, 3.1.2.03, 3.2.2.03, 3.3.2.03, 4.01.
// covers N-05, N-24, N-28, N-36
#[rstest]
#[actix_web::test]
async fn notification_content_is_empty_id_only_or_full_resource(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut ids = Vec::new();
    for content in ["empty", "id-only", "full-resource"] {
        let id = id_of(&subscribe(&app, &backport("proxy-role", content, &[])).await);
        activate(&app, &id).await;
        ids.push(id);
    }
    let roles = [created(&app, PATIENTS[0]).await, created(&app, PATIENTS[1]).await];
    let base = format!("http://{}/FHIR/R4", app.address);
    for (id, content) in ids.iter().zip(["empty", "id-only", "full-resource"]) {
        let message = composed(&app, id).await;
        assert_eq!(message.content_type, Some("application/fhir+json"));
        let bundle = checked(&message.body);
        let status = &entries(&bundle)[0]["parameter"];
        let url = bundle["entry"][0]["request"]["url"].as_str().expect("a URL");
        assert!(url.ends_with(&format!("Subscription/{id}/$status")));
        let text = status.to_string();
        assert!(text.contains("\"event-notification\"") && text.contains("\"active\""), "{text}");
        assert_eq!(text.contains("SubscriptionTopic"), content != "empty");
        let received = events(&bundle);
        assert_eq!(received.len(), 2);
        assert_eq!(received[1]["part"][0]["valueString"], "2");
        assert_eq!(received[1]["part"][1]["valueInstant"], "2026-11-22T12:00:00Z");
        let more = &bundle["entry"].as_array().expect("entries")[1..];
        if content == "empty" {
            assert!(received[0]["part"].get(2).is_none() && more.is_empty());
        } else {
            let focus = &received[0]["part"][2]["valueReference"]["reference"];
            assert_eq!(focus, &format!("{base}/Consent/{}", roles[0]));
        }
        if content == "full-resource" {
            assert_eq!(more.len(), 2);
            assert_eq!(more[0]["resource"]["id"], roles[0].as_str());
            assert_eq!(more[0]["request"], json!({ "method": "POST", "url": "Consent" }));
        } else {
            assert!(more.is_empty());
        }
    }
    let mut body = backport("proxy-role", "id-only", &[]);
    body["channel"]["payload"] = "application/fhir+xml;fhirVersion=4.0".into();
    let id = id_of(&subscribe(&app, &body).await);
    created(&app, PATIENTS[2]).await;
    let message = composed(&app, &id).await;
    assert_eq!(message.content_type, Some("application/fhir+xml; fhirVersion=4.0"));
    let bundle = xml::parse(&message.body, 64).expect("XML");
    assert_eq!(bundle["resourceType"], "Bundle");
}

// covers N-23
#[rstest]
#[actix_web::test]
async fn all_filters_must_match_before_or_after_the_change(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut ids = Vec::new();
    let mine = format!("patient=Patient/{}", PATIENTS[0]);
    for (topic, filters) in [
        ("proxy-role", vec![]),
        ("proxy-role-created", vec![]),
        ("proxy-role-changed", vec![]),
        ("proxy-role", vec![&*mine]),
        ("proxy-role", vec![&*mine, "status=active"]),
        ("proxy-role", vec![&*mine, "Consent?status=rejected,proposed"]),
        ("proxy-role", vec!["practice=Z99999"]),
        ("access-request-submitted", vec![]),
    ] {
        ids.push(id_of(&subscribe(&app, &backport(topic, "empty", &filters)).await));
    }
    let first = created(&app, PATIENTS[0]).await;
    created(&app, PATIENTS[1]).await;
    end(&app, &first).await;
    let mut counts = Vec::new();
    for id in &ids {
        counts.push(heard(&app, id).await.len());
    }
    assert_eq!(
        counts,
        [3, 2, 1, 2, 2, 0, 0, 0],
        "the end of an active role is told to those who follow those"
    );
}

// covers N-23
#[rstest]
#[actix_web::test]
async fn each_topic_filter_matches_only_its_events(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for (person, practice) in [(LONER, "Y11111"), (PATIENTS[0], "Y22222")] {
        let moved = format!("UPDATE people SET practice = '{practice}' WHERE nhs_number = '{person}'");
        sql::execute(&app.database_url(), &moved);
    }
    let mut ids = Vec::new();
    for (name, named, another) in [
        ("patient", format!("Patient/{}", PATIENTS[0]), format!("Patient/{LONER}")),
        ("proxy", format!("Patient/{LONER}"), format!("Patient/{}", PATIENTS[0])),
        ("status", "active".to_owned(), "inactive".to_owned()),
        ("status-reason", "ROLE_CREATED".to_owned(), "ROLE_DEACTIVATED_PATIENT_REQUEST".to_owned()),
        ("legal-basis", "parental-responsibility".to_owned(), "consent".to_owned()),
        ("grantor", "A20047".to_owned(), "Y11111".to_owned()),
        ("patient-practice", "Y22222".to_owned(), "Y11111".to_owned()),
        ("proxy-practice", "Y11111".to_owned(), "Y22222".to_owned()),
        ("practice", "Y11111".to_owned(), "A20047".to_owned()),
    ] {
        for (value, count) in [(named, 1), (another, 0)] {
            let filter = format!("{name}={value}");
            let subscribed = subscribe(&app, &backport("proxy-role-created", "empty", &[&filter])).await;
            ids.push((id_of(&subscribed), filter, count));
        }
    }
    created(&app, PATIENTS[0]).await;
    for (id, filter, count) in ids {
        assert_eq!(heard(&app, &id).await.len(), count, "{filter}");
    }
}

// covers N-23, N-33
#[rstest]
#[actix_web::test]
async fn classic_subscription_receives_events_that_its_criteria_match(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let system = "https://fhir.nhs.uk/Id/nhs-number";
    let mut ids = Vec::new();
    for criteria in [
        "Consent".to_owned(),
        format!("Consent?patient:identifier={system}|{}&status=active", PATIENTS[0]),
        format!("Consent?patient=Patient/{}", PATIENTS[0]),
        "Consent?status=inactive".to_owned(),
        "RelatedPerson?active=true".to_owned(),
        "QuestionnaireResponse?status=completed".to_owned(),
    ] {
        ids.push(id_of(&subscribe(&app, &classic(&criteria, None)).await));
    }
    let whole =
        id_of(&subscribe(&app, &classic("Consent?status=inactive", Some("application/fhir+json"))).await);
    let first = created(&app, PATIENTS[0]).await;
    created(&app, PATIENTS[1]).await;
    end(&app, &first).await;
    let mut counts = Vec::new();
    for id in &ids {
        counts.push(heard(&app, id).await.len());
    }
    assert_eq!(counts, [3, 1, 2, 1, 0, 0]);
    let bare = composed(&app, &ids[0]).await;
    assert_eq!((bare.content_type, bare.body.len()), (None, 0));
    let message = composed(&app, &whole).await;
    let resource: Value = serde_json::from_slice(&message.body).expect("JSON");
    assert_eq!((&resource["id"], &resource["status"]), (&json!(first), &json!("inactive")));
}

#[rstest]
#[actix_web::test]
async fn national_subscription_gets_the_cloud_event_of_the_contract(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let of = |event: &str| format!("eventType='vrs-proxy-role-{event}-1'");
    let event = id_of(&subscribe(&app, &national(&of("created"), "application/json")).await);
    let bundle = id_of(&subscribe(&app, &national(&of("created"), "application/fhir+json")).await);
    let elsewhere = format!("{} AND generalpractitioner='Z99999'", of("created"));
    let elsewhere = id_of(&subscribe(&app, &national(&elsewhere, "application/json")).await);
    let changed = id_of(&subscribe(&app, &national(&of("changed"), "application/json")).await);
    let role = created(&app, PATIENTS[0]).await;
    for id in [&elsewhere, &changed] {
        assert_eq!(heard(&app, id).await, []);
    }
    let message = composed(&app, &event).await;
    assert_eq!(message.content_type, Some("application/json"));
    let body: Value = serde_json::from_slice(&message.body).expect("JSON");
    for (name, expected) in [
        ("specversion", "1.0"),
        ("source", "uk.nhs.validated-relationships-service"),
        ("type", "vrs-proxy-role-created-1"),
        ("time", "2026-11-22T12:00:00Z"),
        ("subject", PATIENTS[0]),
    ] {
        assert_eq!(body[name], expected, "{name}");
    }
    assert_eq!(body["dataref"], format!("{}/Consent/{role}", app.base()));
    assert!(body["filtering"]["patient_ods_code"].is_string(), "{body}");
    let received = checked(&composed(&app, &bundle).await.body);
    assert_eq!((&received["type"], &received["id"]), (&json!("history"), &body["id"]));
    let parameters = entries(&received)[0]["parameter"].as_array().expect("parameters").clone();
    let names: Vec<&str> = parameters.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["subscription", "status", "type", "notification-event", "additional-context"]);
    assert_eq!(parameters[4]["part"][0]["valueString"], "vrs-proxy-role-created-1");
}

// covers N-23
#[rstest]
#[actix_web::test]
async fn hidden_role_is_notified_as_deleted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let body = backport("proxy-role-deleted", "full-resource", &[]);
    let id = id_of(&subscribe(&app, &body).await);
    let role = created(&app, PATIENTS[0]).await;
    let restricted = registry_events::event(registry_events::RESTRICTED, PATIENTS[0], 21);
    assert_eq!(registry_events::tell(&app, &restricted).await, "applied");
    let subjects: Vec<String> = heard(&app, &id).await.into_iter().map(|(_, subject)| subject).collect();
    assert!(subjects.contains(&format!("Consent/{role}")));
    // The other one is of the sandbox.
    assert_eq!(subjects.len(), 2);
    let received = checked(&composed(&app, &id).await.body);
    let deleted = subjects.into_iter().map(|subject| {
        json!({
            "fullUrl": format!("http://{}/FHIR/R4/{subject}", app.address),
            "request": { "method": "DELETE", "url": subject },
            "response": { "status": "204" },
        })
    });
    assert_eq!(received["entry"].as_array().expect("entries")[1..], deleted.collect::<Vec<Value>>());
}

// covers N-33, N-34
#[rstest]
#[actix_web::test]
async fn notification_holds_what_the_owner_may_read_at_delivery(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let body = backport("proxy-role", "full-resource", &[]);
    let subscriber = |principal, scope: &'static str| {
        let (app, body) = (&app, &body);
        async move {
            super::number_all(app).await;
            let token = app.token(&principal, scope).await;
            id_of(&send_well(app, post("/Subscription", body).bearer(&token), 201).await)
        }
    };
    let all = subscriber(scopes::system(), "system/Subscription.cr system/Consent.r").await;
    let active = subscriber(scopes::system(), "system/Subscription.cr system/Consent.r?status=active").await;
    let none = subscriber(scopes::system(), "system/Subscription.cr system/RelatedPerson.r").await;
    let other = subscriber(scopes::citizen(MOTHER), "patient/Subscription.cr patient/Consent.r").await;
    let token = app.token(&scopes::system(), "system/Consent.cruds").await;
    let create = post("/Consent", &role(LONER, PATIENTS[0])).bearer(&token);
    let id = id_of(&send_well(&app, create, 201).await);
    for (principal, expected) in [(&all, 1), (&active, 1), (&none, 0), (&other, 0)] {
        assert_eq!(heard(&app, principal).await.len(), expected);
    }
    let received = checked(&composed(&app, &all).await.body);
    assert_eq!(entries(&received)[1]["id"], id.as_str());
    // One of its people is restricted, and the app of the other loses its grant.
    let hide = format!("UPDATE people SET standing = 'restricted' WHERE nhs_number = '{}'", PATIENTS[0]);
    crate::support::sql::execute(&app.database_url(), &hide);
    let received = checked(&composed(&app, &all).await.body);
    assert_eq!(entries(&received).len(), 1);
    assert_eq!(events(&received)[0]["part"].as_array().expect("parts").len(), 2, "number and time alone");
    assert!(!received.to_string().contains(&id));
}
