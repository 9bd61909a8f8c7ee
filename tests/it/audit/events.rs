//! The audit record as FHIR resources: complete, valid, and only for the people whom it is about.

use std::collections::BTreeSet;

use api_vrs as vrs;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::Value;

use super::{ACTING, guarded};
use crate::fhir::client::{entries, get, send_well};
use crate::support::{Backend, REQUEST_ID, Request, TestApp, bodies};
use crate::vrs::callers::{NURSE, SYSTEM, citizen};
use crate::vrs::known::{ACTIVE, CHILD, LONER, MOTHER, MOTHERS_ROLE};

const NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";

/// The events that a citizen, a nurse or a proxy finds.
async fn found(app: &TestApp, token: &str, path: &str) -> Vec<Value> {
    entries(&send_well(app, get(path).bearer(token), 200).await)
}

fn entity<'e>(event: &'e Value, role: &str) -> Option<&'e Value> {
    event["entity"].as_array()?.iter().find(|entity| entity["role"]["code"] == role)
}

#[rstest]
#[actix_web::test]
async fn citizen_reads_audit_events_of_accesses_to_their_roles(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let read = get(&format!("/Consent/{MOTHERS_ROLE}")).header("X-Request-ID", REQUEST_ID).bearer(NURSE);
    assert_eq!(app.send(read).await.status, 200);
    let looked = found(&app, &citizen(CHILD), &format!("/AuditEvent?patient={CHILD}&action=R")).await;
    assert_eq!(looked.len(), 1, "{looked:#?}");
    let event = &looked[0];
    assert_eq!((&event["subtype"][0]["code"], &event["outcome"]), (&"read".into(), &"0".into()));
    let agents = event["agent"].as_array().expect("agents");
    assert_eq!(
        (&agents[0]["requestor"], &agents[0]["who"]["identifier"]["value"]),
        (&true.into(), &"nurse".into())
    );
    assert_eq!(agents[1]["who"]["identifier"]["value"], "A20047");
    assert!(agents[1..].iter().all(|agent| agent["requestor"] == false));
    assert_eq!(entity(event, "4").expect("the role")["what"]["reference"], format!("Consent/{MOTHERS_ROLE}"));
    assert_eq!(entity(event, "1").expect("the patient")["what"]["reference"], format!("Patient/{CHILD}"));
    assert_eq!(entity(event, "6").expect("the proxy")["what"]["identifier"]["value"], MOTHER);
    assert!(event.to_string().contains(REQUEST_ID));
    // The proxy of the role finds it as well, and the one who acts for the patient, without the actor; a
    // stranger does not.
    for (token, count) in [(citizen(MOTHER), 1), (ACTING.to_owned(), 1), (citizen(LONER), 0)] {
        let query = format!("/AuditEvent?entity=Consent/{MOTHERS_ROLE}&action=R");
        let looked = found(&app, &token, &query).await;
        assert_eq!(looked.len(), count, "{token}");
        assert!(
            looked.iter().all(|event| event["agent"][0]["who"]["display"] == "Not disclosed"),
            "{looked:#?}"
        );
        let by_nurse = found(&app, &token, &format!("{query}&agent:identifier=nurse")).await;
        assert_eq!(by_nurse.len(), 0, "{token}");
    }
    // An access changes nothing: it has no Provenance.
    assert_eq!(found(&app, NURSE, &format!("/Provenance?target=Consent/{MOTHERS_ROLE}")).await.len(), 1);
    let read = event["id"].as_str().expect("an id");
    send_well(&app, get(&format!("/Provenance/{read}")).bearer(NURSE), 404).await;
}

#[rstest]
#[actix_web::test]
async fn audit_event_of_a_refusal_has_its_code_and_no_other_person(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    send_well(&app, get(&format!("/Consent/{ACTIVE}")).bearer(&citizen(LONER)), 404).await;
    let refused = found(&app, &citizen(LONER), "/AuditEvent?outcome=4").await;
    assert_eq!(refused.len(), 1);
    assert_eq!((&refused[0]["outcome"], &refused[0]["outcomeDesc"]), (&"4".into(), &"not-found".into()));
    assert_eq!(entity(&refused[0], "1").expect("oneself")["what"]["reference"], format!("Patient/{LONER}"));
    assert!(entity(&refused[0], "6").is_none());
    assert_eq!(refused[0]["agent"][0]["purposeOfUse"][0]["coding"][0]["code"], "PATRQT");
}

#[rstest]
#[actix_web::test]
async fn audit_query_is_shown_to_systems_and_to_its_own_caller(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let query = format!("/Consent?patient={CHILD},{LONER}");
    found(&app, NURSE, &query).await;
    found(&app, &citizen(CHILD), &query).await;
    let query_of = |event: &Value| {
        let query = entity(event, "24")?["query"].as_str()?;
        String::from_utf8(STANDARD.decode(query).ok()?).ok()
    };
    let searches = format!("/AuditEvent?patient={CHILD}&subtype=search-type&entity-role=24");
    let by_nurse = format!("{searches}&agent:identifier=nurse");
    let seen = found(&app, &citizen(CHILD), &by_nurse).await;
    assert!(!seen.is_empty() && seen.iter().all(|event| query_of(event).is_none()), "{seen:#?}");
    assert!(!serde_json::to_string(&seen).expect("JSON").contains(LONER));
    let all = found(&app, NURSE, &by_nurse).await;
    assert!(all.iter().any(|event| query_of(event).is_some_and(|query| query.contains(LONER))));
    let own = found(&app, &citizen(CHILD), &format!("{searches}&agent:identifier={CHILD}")).await;
    assert!(own.iter().any(|event| query_of(event).is_some_and(|query| query.contains(LONER))), "{own:#?}");
}

#[rstest]
#[actix_web::test]
async fn audit_event_without_people_is_for_unrestricted_callers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    send_well(&app, get("/Consent?_count=0").bearer(NURSE), 200).await;
    let without_people = "/AuditEvent?patient:missing=true";
    assert_eq!(found(&app, NURSE, without_people).await.len(), 1);
    for token in [citizen(MOTHER), citizen(CHILD), ACTING.to_owned()] {
        assert_eq!(found(&app, &token, without_people).await.len(), 0, "{token}");
        let counted =
            send_well(&app, get(&format!("{without_people}&_total=accurate&_count=0")).bearer(&token), 200)
                .await;
        assert_eq!(counted["total"], 0, "{token}");
    }
}

#[rstest]
#[actix_web::test]
async fn audit_event_search_parameters_match(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    for token in [NURSE, ACTING] {
        send_well(&app, get(&format!("/Consent/{MOTHERS_ROLE}")).bearer(token), 200).await;
    }
    send_well(&app, get("/Consent/none").bearer(NURSE), 404).await;
    for (query, count) in [
        ("action=R", 3),
        ("action=C", 32),
        ("action=R&outcome=0", 2),
        ("outcome=http://hl7.org/fhir/audit-event-outcome|4", 1),
        ("subtype=http://hl7.org/fhir/restful-interaction|read", 3),
        ("type=rest&action=R", 3),
        ("type=http://dicom.nema.org/resources/ontology/DCM|110114", 0),
        (&format!("agent:identifier={NUMBER}|{MOTHER}&action=R"), 1),
        ("agent:identifier=https://fhir.onbehalf.org.uk/Id/caller|nurse&action=R", 2),
        (&format!("agent:identifier={NUMBER}|nurse"), 0),
        (&format!("entity=Consent/{MOTHERS_ROLE}&action=R"), 2),
        ("entity-role=http://terminology.hl7.org/CodeSystem/object-role|6&action=R", 2),
        ("altid=nurse&action=R", 2),
        ("date=2026-11-22&action=R", 3),
    ] {
        assert_eq!(
            found(&app, NURSE, &format!("/AuditEvent?{query}&_count=100")).await.len(),
            count,
            "{query}"
        );
    }
}

// covers S-20, S-28, G-16
#[rstest]
#[actix_web::test]
async fn provenance_is_found_by_each_agent_that_it_names_and_by_no_other(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for (by, status, reason) in [
        (citizen(MOTHER), "inactive", "ROLE_DEACTIVATED_INACTIVE_ROLE"),
        (SYSTEM.to_owned(), "active", "ROLE_REACTIVATED"),
        (NURSE.to_owned(), "inactive", "ROLE_DEACTIVATED_SAFEGUARDING"),
    ] {
        let grantor = (status == "active").then(|| bodies::grantor("A20047"));
        let extensions: Vec<Value> = [bodies::reason(reason)].into_iter().chain(grantor).collect();
        let change = bodies::move_to(status, &extensions);
        let path = format!("{}/Consent/{MOTHERS_ROLE}", vrs::BASE_PATH);
        assert_eq!(app.send(Request::patch(&path, change).bearer(&by)).await.status, 200, "{reason}");
    }
    let identifier = |record: &Value| {
        let text = |name: &str| record["agent"][0]["who"]["identifier"][name].as_str().map(str::to_owned);
        (text("system").expect("a system"), text("value").expect("a value"))
    };
    let all = found(&app, NURSE, "/Provenance?_count=200").await;
    let agents: BTreeSet<(String, String)> = all.iter().map(identifier).collect();
    let values: BTreeSet<&str> = agents.iter().map(|(_, value)| value.as_str()).collect();
    assert!(values.is_superset(&BTreeSet::from([MOTHER, "record system", "nurse"])), "{values:?}");
    for (system, value) in &agents {
        let named: Vec<&Value> =
            all.iter().filter(|record| identifier(record) == (system.clone(), value.clone())).collect();
        for written in [format!("{system}|{value}"), value.clone()] {
            let path = format!("/Provenance?agent:identifier={}&_count=200", written.replace(' ', "%20"));
            let found = found(&app, NURSE, &path).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), named, "{written}");
        }
        let other = if system == NUMBER { "https://fhir.onbehalf.org.uk/Id/caller" } else { NUMBER };
        for written in [format!("{other}|{value}"), format!("|{value}"), format!("urn:other|{value}")] {
            let path = format!("/Provenance?agent:identifier={}", written.replace(' ', "%20"));
            assert_eq!(found(&app, NURSE, &path).await.len(), 0, "{written}");
        }
    }
    for (token, count) in [(NURSE.to_owned(), all.len()), (citizen(MOTHER), 1), (citizen(CHILD), 0)] {
        let shown = found(&app, &token, "/Provenance?agent:missing=false&_count=200").await;
        assert_eq!(shown.len(), count, "{token}");
        assert!(shown.iter().all(|record| record["agent"][0]["who"].get("identifier").is_some()), "{token}");
        let by_nurse = found(&app, &token, "/Provenance?agent:identifier=nurse").await;
        assert_eq!(by_nurse.len(), usize::from(token == NURSE), "{token}");
    }
}
