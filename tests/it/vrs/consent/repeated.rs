//! Identical repetitions count once, where the model holds one value.

use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{relationship, role};
use crate::fhir::client::{get, post, send, send_well};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::edit::with;
use crate::vrs::expected_error::coded;
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{LONER, MORE_ACTIVE, PATIENTS, SON, consent};

/// The list at a pointer with each of its items twice.
fn doubled(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    let list = body.pointer_mut(pointer).expect("a list");
    let items = list.as_array().expect("a list").clone();
    *list = items.iter().chain(&items).cloned().collect();
    body
}

// covers FAULT-19
#[rstest]
#[actix_web::test]
async fn an_identical_repetition_counts_once_on_create(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let lists = [
        "/extension",
        "/extension/0/valueCodeableConcept/coding",
        "/performer",
        "/policyRule",
        "/policyRule/coding",
        "/scope/coding",
        "/category",
        "/category/0/coding",
        "/provision/actor",
    ];
    let body = |patient: &str, list: &str| {
        let body = bodies::consent(LONER, patient);
        let rule = body["policyRule"].clone();
        // As clients of 1.20 to 1.24 send it.
        if list == "/policyRule" { with(body, "/policyRule", json!([rule])) } else { body }
    };
    for (list, patient) in lists.into_iter().zip(PATIENTS) {
        let answer = app.post("/Consent", doubled(&body(patient, list), list)).await;
        assert_eq!(answer.status, 201, "{list}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(footprint.grown(), Rows::CREATED, "{list}");
    }
    // A pair that has a role, as the national service answers the same body.
    let again = app.post("/Consent", doubled(&body(PATIENTS[0], "/extension"), "/extension")).await;
    assert_eq!(again.status, 409);
    // What differs is refused as before: it would be lost.
    let good = bodies::consent(LONER, SON);
    for (row, pointer, value) in [
        ("two reasons", "/extension/-", bodies::reason("ROLE_ACTIVATED")),
        ("a reason with other words", "/extension/-", bodies::reason_with_text("ROLE_CREATED", "words")),
        ("two grantors", "/extension/-", bodies::grantor("B81001")),
    ] {
        let answer = app.post("/Consent", with(good.clone(), pointer, value)).await;
        coded(422, "INVALID_EXTENSION").at("extension").check(row, &answer);
    }
    footprint.check_untouched("what differs");
}

// covers FAULT-19
#[rstest]
#[actix_web::test]
async fn an_identical_repetition_counts_once_in_a_patch(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let (reason, grantor) = (bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING"), bodies::grantor("A20047"));
    for (role, extensions) in MORE_ACTIVE.into_iter().zip([
        vec![reason.clone(), reason.clone()],
        vec![reason.clone(), grantor.clone(), reason.clone(), grantor.clone()],
    ]) {
        let answer = app.patch(&consent(role), bodies::move_to("inactive", &extensions)).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(footprint.grown(), Rows::CHANGED);
    }
    let differing =
        bodies::move_to("inactive", &[reason, bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST")]);
    let answer = app.patch(&consent(MORE_ACTIVE[2]), differing).await;
    assert_eq!(answer.status, 422, "{}", String::from_utf8_lossy(&answer.body));
    footprint.check_untouched("what differs");
}

// covers FAULT-19
#[rstest]
#[actix_web::test]
async fn r4_rejects_repetition_of_single_elements_and_merges_other_duplicates(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (number, (list, status)) in [
        ("/extension", 422),
        ("/performer", 422),
        ("/extension/0/valueCodeableConcept/coding", 201),
        ("/scope/coding", 201),
        ("/category", 422),
        ("/category/0/coding", 201),
        ("/policyRule/coding", 201),
        ("/provision/actor", 201),
    ]
    .into_iter()
    .enumerate()
    {
        let body = role(LONER, PATIENTS[number]);
        let answer = send(&app, post("/Consent", &doubled(&body, list))).await;
        assert_eq!(answer.status, status, "{list}: {}", answer.json());
        if status == 201 {
            let items = answer.json().pointer(list).and_then(Value::as_array).map(Vec::len);
            assert_eq!(items, body.pointer(list).and_then(Value::as_array).map(Vec::len), "{list}");
            footprint.grown();
        } else {
            footprint.check_untouched(list);
        }
    }
    let twice = send(&app, post("/RelatedPerson", &doubled(&relationship(LONER, SON), "/identifier"))).await;
    assert_eq!(twice.status, 422, "{}", twice.json());
    footprint.check_untouched("two identifiers");
    for list in ["/relationship", "/relationship/0/coding"] {
        let body = relationship(LONER, SON);
        let created = send_well(&app, post("/RelatedPerson", &doubled(&body, list)), 201).await;
        let read =
            send_well(&app, get(&format!("/RelatedPerson/{}", created["id"].as_str().expect("an id"))), 200);
        assert_eq!(read.await, created, "{list}");
    }
}
