//! Update.

use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{one_of_each, relationship};
use crate::fhir::client::{get, outcome_of, post, put, request, send, send_well};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{
    ACCESS_REQUEST, ACTIVE, LONER, MOTHER, MOTHERS_ROLE, NO_SUCH_ID, PATIENTS, REJECTED, SON,
};

/// The role as it is, made inactive.
fn ended(mut role: Value) -> Value {
    role["status"] = "inactive".into();
    role["extension"][0] = bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING");
    role
}

// covers, G-12
#[rstest]
#[actix_web::test]
async fn update_creates_one_version_and_a_repeat_none(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let before = send_well(&app, get(&path), 200).await;
    let mut footprint = Footprint::of(&app);
    for tag in ["W/\"99\"", "\"2\""] {
        let (status, code, _) =
            outcome_of(&send(&app, put(&path, &ended(before.clone())).header("If-Match", tag)).await);
        assert_eq!((status, code.as_str()), (412, "conflict"));
        footprint.check_untouched("a stale version");
    }
    let same = send(&app, put(&path, &before)).await;
    assert_eq!((same.status, same.header("etag")), (200, Some("W/\"1\"")));
    footprint.check_untouched("no change");
    app.clock.advance(chrono::TimeDelta::minutes(1));
    let change = put(&path, &ended(before.clone())).header("If-Match", "W/\"1\"");
    let changed = send(&app, change.clone()).await;
    assert_eq!((changed.status, changed.header("etag")), (200, Some("W/\"2\"")), "{}", changed.json());
    assert_eq!(changed.header("last-modified"), Some("Sun, 22 Nov 2026 12:01:00 GMT"));
    assert_eq!(changed.json()["meta"]["versionId"], "2");
    assert_eq!(footprint.grown(), Rows::CHANGED);
    assert_eq!(send(&app, change).await.status, 412);
    let again = send(&app, put(&path, &changed.json())).await;
    assert_eq!((again.status, again.header("etag")), (200, Some("W/\"2\"")));
    footprint.check_untouched("the same again");
    assert_eq!(send_well(&app, get(&format!("{path}/_history/1")), 200).await, before);
}

//
#[rstest]
#[actix_web::test]
async fn every_writable_type_can_be_updated(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let [_, (_, mut related), (_, mut form)] = one_of_each(LONER, PATIENTS[0]);
    let mut footprint = Footprint::of(&app);
    for (path, body, change) in [
        ("/RelatedPerson", &mut related, json!({ "active": false })),
        ("/QuestionnaireResponse", &mut form, json!({ "authored": "2026-11-21T11:00:00Z" })),
    ] {
        let created = send_well(&app, post(path, body), 201).await;
        let path = format!("{path}/{}", created["id"].as_str().expect("an id"));
        let mut wanted = created.clone();
        for (name, value) in change.as_object().expect("members") {
            wanted[name] = value.clone();
        }
        footprint.grown();
        let updated = send_well(&app, put(&path, &wanted), 200).await;
        assert_eq!(updated["meta"]["versionId"], "2", "{path}");
        let grown = footprint.grown();
        assert_eq!((grown.acts, grown.events), (1, 1), "{path}");
        wanted["meta"]["versionId"] = "2".into();
        assert_eq!(updated, wanted, "{path}");
        assert_eq!(send_well(&app, put(&path, &wanted), 200).await["meta"]["versionId"], "2");
        footprint.check_untouched(&path);
        assert_eq!(send_well(&app, get(&format!("{path}/_history/1")), 200).await, created);
    }
}

// covers, G-17, G-18
#[rstest]
#[actix_web::test]
async fn update_requires_a_matching_existing_id(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = send_well(&app, get(&format!("/Consent/{MOTHERS_ROLE}")), 200).await;
    let with_id = |id: Value| {
        let mut role = role.clone();
        role["id"] = id;
        role
    };
    let mut footprint = Footprint::of(&app);
    for (row, path, body, status) in [
        ("another id", MOTHERS_ROLE, with_id(ACTIVE.into()), 400),
        ("no id", MOTHERS_ROLE, crate::fhir::bodies::role(LONER, SON), 400),
        ("unknown", NO_SUCH_ID, with_id(NO_SUCH_ID.into()), 405),
        ("a text of one's own", "mine", with_id("mine".into()), 405),
        ("another type", MOTHERS_ROLE, relationship(MOTHER, SON), 400),
    ] {
        let answer = send(&app, put(&format!("/Consent/{path}"), &body)).await;
        assert_eq!(answer.status, status, "{row}: {}", answer.json());
        assert_eq!(answer.header("allow").is_some(), status == 405, "{row}");
        footprint.check_untouched(row);
    }
    let bad = put(&format!("/Consent/{MOTHERS_ROLE}"), &role).header("If-Match", "1");
    assert_eq!(send(&app, bad).await.status, 400);
}

// covers V-10, R-22
#[rstest]
#[actix_web::test]
async fn update_enforces_the_role_rules(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let role = send_well(&app, get(&format!("/Consent/{MOTHERS_ROLE}")), 200).await;
    let rejected = send_well(&app, get(&format!("/Consent/{REJECTED}")), 200).await;
    let with = |pointer: &str, value: Value| {
        let mut role = role.clone();
        *role.pointer_mut(pointer).expect("an element") = value;
        role
    };
    let mut no_reason = role.clone();
    no_reason["status"] = "inactive".into();
    let mut no_grantor = role.clone();
    no_grantor["extension"].as_array_mut().expect("extensions").truncate(1);
    let mut footprint = Footprint::of(&app);
    let other_person = bodies::person(SON);
    for (row, id, body, place) in [
        ("rejected to inactive", REJECTED, ended(rejected), "Consent.status"),
        ("active to rejected", MOTHERS_ROLE, with("/status", "rejected".into()), "Consent"),
        ("no new reason", MOTHERS_ROLE, no_reason, "Consent.extension"),
        ("another proxy", MOTHERS_ROLE, with("/performer/0", other_person.clone()), "Consent.performer"),
        ("another patient", MOTHERS_ROLE, with("/patient", other_person), "Consent.patient"),
        ("another date", MOTHERS_ROLE, with("/dateTime", "2020-01-01".into()), "Consent.dateTime"),
        (
            "a past end",
            MOTHERS_ROLE,
            with("/provision/period/end", "2026-11-01".into()),
            "Consent.provision.period.end",
        ),
    ] {
        let answer = send(&app, put(&format!("/Consent/{id}"), &body)).await;
        let (status, _, at) = outcome_of(&answer);
        assert_eq!(status, 422, "{row}: {}", answer.json());
        assert!(at.starts_with(place), "{row}: {}", answer.json());
        footprint.check_untouched(row);
    }
    if role["extension"].as_array().is_some_and(|extensions| extensions.len() > 1) {
        assert_eq!(send(&app, put(&format!("/Consent/{MOTHERS_ROLE}"), &no_grantor)).await.status, 422);
    }
}

// covers S-13
#[rstest]
#[actix_web::test]
async fn update_with_a_subsetted_resource_is_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let part = send_well(&app, get(&format!("{path}?_summary=true")), 200).await;
    let mut footprint = Footprint::of(&app);
    assert!(send(&app, put(&path, &part)).await.status >= 400);
    footprint.check_untouched("a part");
}

// covers, G-18
#[rstest]
#[actix_web::test]
async fn delete_and_read_only_types_are_405(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let all = [
        "Consent",
        "RelatedPerson",
        "QuestionnaireResponse",
        "Patient",
        "Person",
        "Questionnaire",
        "StructureDefinition",
        "CodeSystem",
        "ValueSet",
        "SearchParameter",
        "OperationDefinition",
        "AuditEvent",
        "Provenance",
    ];
    for kind in all {
        let id = match kind {
            "Consent" => MOTHERS_ROLE,
            "QuestionnaireResponse" => ACCESS_REQUEST,
            _ => "BE974742",
        };
        let mut rows =
            vec![("DELETE", format!("/{kind}/{id}")), ("DELETE", format!("/{kind}?status=active"))];
        if !matches!(kind, "Consent" | "RelatedPerson" | "QuestionnaireResponse") {
            for method in ["PUT", "PATCH"] {
                rows.push((method, format!("/{kind}/{id}")));
                rows.push((method, format!("/{kind}?name=x")));
            }
            rows.push(("POST", format!("/{kind}")));
        }
        for (method, path) in rows {
            let sent = request(method, &path).header("Content-Type", "application/fhir+json");
            let answer = send(&app, sent.body(json!({ "resourceType": kind, "id": id }))).await;
            assert_eq!(outcome_of(&answer).0, 405, "{method} {path}");
            let allow = answer.header("allow").expect("what is allowed");
            assert!(allow.starts_with("GET, HEAD") && !allow.contains(method), "{method} {path}: {allow}");
        }
    }
    footprint.check_untouched("all of them");
    let why = send(&app, request("DELETE", &format!("/Consent/{MOTHERS_ROLE}"))).await.json();
    let why = why["issue"][0]["diagnostics"].as_str().expect("a sentence").to_owned();
    assert!(why.contains("cannot be deleted"), "{why}");
}
