//! References to people: by the Patient of this API, by NHS number, or by both.

use api_fhir::BASE_PATH;
use domain::person::Standing;
use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{access_request, one_of_each, relationship, role};
use crate::fhir::bundle::{bundle, give, statuses};
use crate::fhir::client::{get, outcome_of, places, post, put, send, send_well};
use crate::fhir::visibility::stand;
use crate::support::bodies::{NHS, person};
use crate::support::{Backend, Request, TestApp};
use crate::vrs::callers::{citizen, guarded};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{CHILD, LONER, MOTHER, NOBODY, PATIENTS, SON};
use crate::vrs::validated::validated;

/// The returned reference, however the person was named.
fn whole(number: &str) -> Value {
    json!({
        "reference": format!("Patient/{number}"),
        "type": "Patient",
        "identifier": { "system": NHS, "value": number },
    })
}

fn literal(start: &str, number: &str) -> Value {
    json!({ "reference": format!("{start}Patient/{number}") })
}

/// A role whose people are named like this.
fn role_of(proxy: &Value, patient: &Value) -> Value {
    let mut body = role(LONER, SON);
    body["patient"] = patient.clone();
    body["performer"] = json!([proxy]);
    body["provision"]["actor"][0]["reference"] = proxy.clone();
    body
}

// covers V-09, S-20
#[rstest]
#[actix_web::test]
async fn a_person_is_named_by_reference_by_number_or_by_both(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let base = format!("http://{}{BASE_PATH}/", app.address);
    let ways: [&dyn Fn(&str) -> Value; 5] = [
        &|number| literal("", number),
        &|number| literal(&base, number),
        &|number| person(number),
        &|number| whole(number),
        &|number| json!({ "reference": format!("{base}Patient/{number}"), "identifier": whole(number)["identifier"] }),
    ];
    for (name, patient) in ways.iter().zip(PATIENTS) {
        let created = send_well(&app, post("/Consent", &role_of(&name(LONER), &name(patient))), 201).await;
        assert_eq!(created["patient"], whole(patient));
        assert_eq!(created["performer"], json!([whole(LONER)]));
        assert_eq!(created["provision"]["actor"][0]["reference"], whole(LONER));
        let path = format!("/Consent/{}", created["id"].as_str().expect("an id"));
        let mut change = role_of(&name(LONER), &name(patient));
        change["id"] = created["id"].clone();
        let same = send_well(&app, put(&path, &change), 200).await;
        assert_eq!(same, created);
        change["provision"]["period"]["end"] = "2027-01-01".into();
        let changed = send_well(&app, put(&path, &change), 200).await;
        assert_eq!((&changed["meta"]["versionId"], &changed["patient"]), (&"2".into(), &whole(patient)));
        let mut related = relationship(LONER, patient);
        related["patient"] = name(patient);
        let created = send_well(&app, post("/RelatedPerson", &related), 201).await;
        assert_eq!(created["patient"], whole(patient));
    }
}

// covers V-09, V-03
#[rstest]
#[actix_web::test]
async fn questionnaire_response_gets_nhs_numbers_beside_references(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let related = send_well(&app, post("/RelatedPerson", &relationship(LONER, SON)), 201).await;
    let others = send_well(&app, post("/RelatedPerson", &relationship(LONER, CHILD)), 201).await;
    let reference = |related: &Value| format!("RelatedPerson/{}", related["id"].as_str().expect("an id"));
    let mut form = access_request(LONER, SON);
    form["subject"] = literal("", SON);
    form["source"] = json!({ "reference": reference(&related) });
    let created = send_well(&app, post("/QuestionnaireResponse", &form), 201).await;
    assert_eq!(created["subject"], whole(SON));
    let identifier = json!({ "system": NHS, "value": LONER });
    assert_eq!(
        created["source"],
        json!({ "reference": reference(&related), "type": "RelatedPerson", "identifier": identifier })
    );
    let id = created["id"].as_str().expect("an id");
    let kept = validated(&app.get(&format!("/QuestionnaireResponse/{id}")).await);
    assert_eq!((&kept["subject"], &kept["source"]), (&created["subject"], &created["source"]));
    let path = format!("/QuestionnaireResponse/{id}");
    form["id"] = id.into();
    assert_eq!(send_well(&app, put(&path, &form), 200).await, created, "the same again");
    let mut by_patient = access_request(MOTHER, SON);
    by_patient["subject"] = person(SON);
    by_patient["subject"]["type"] = "Patient".into();
    by_patient["source"] = literal("", SON);
    let created = send_well(&app, post("/QuestionnaireResponse", &by_patient), 201).await;
    assert_eq!(created["subject"], by_patient["subject"], "kept as it was sent");
    assert_eq!(created["source"], whole(SON));
    let mut footprint = Footprint::of(&app);
    for (row, source, place) in [
        ("of another patient", json!({ "reference": reference(&others) }), "QuestionnaireResponse.source"),
        ("unknown", json!({ "reference": "RelatedPerson/none" }), "QuestionnaireResponse.source"),
        ("a practitioner", json!({ "reference": "Practitioner/1" }), "QuestionnaireResponse.source.type"),
        (
            "no type",
            json!({ "identifier": { "system": NHS, "value": LONER } }),
            "QuestionnaireResponse.source",
        ),
    ] {
        let mut wrong = access_request(LONER, SON);
        wrong["source"] = source;
        let (status, _, at) = outcome_of(&send(&app, post("/QuestionnaireResponse", &wrong)).await);
        assert_eq!((status, at.as_str()), (422, place), "{row}");
        footprint.check_untouched(row);
    }
}

// covers V-09
#[rstest]
#[actix_web::test]
async fn reference_and_identifier_of_different_people_are_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let related = send_well(&app, post("/RelatedPerson", &relationship(LONER, SON)), 201).await;
    let mut footprint = Footprint::of(&app);
    for (kind, pointer, at) in [
        ("Consent", "/patient", "patient"),
        ("Consent", "/performer/0", "performer"),
        ("Consent", "/provision/actor/0/reference", "provision.actor[0].reference"),
        ("RelatedPerson", "/patient", "patient"),
        ("QuestionnaireResponse", "/subject", "subject"),
        ("QuestionnaireResponse", "/source", "source"),
    ] {
        let bodies = one_of_each(LONER, SON);
        let (path, mut body) = bodies.into_iter().find(|(path, _)| path.ends_with(kind)).expect("a body");
        let place = body.pointer_mut(pointer).expect("a reference");
        place["reference"] = format!("Patient/{CHILD}").into();
        if pointer == "/source" {
            place["reference"] = format!("RelatedPerson/{}", related["id"].as_str().expect("an id")).into();
            place["identifier"]["value"] = MOTHER.into();
        }
        let answer = send(&app, post(path, &body)).await;
        let wanted = [format!("{kind}.{at}.reference"), format!("{kind}.{at}.identifier")];
        assert_eq!((answer.status, places(&answer.json())), (422, wanted.to_vec()), "{kind}{pointer}");
        footprint.check_untouched(pointer);
    }
}

// covers V-09, G-16
#[rstest]
#[actix_web::test]
async fn reference_to_an_unknown_person_is_rejected_as_an_unknown_nhs_number(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    stand(&app, CHILD, Standing::Restricted).await;
    let mut footprint = Footprint::of(&app);
    let unknown = send(&app, post("/Consent", &role_of(&person(LONER), &person(NOBODY[0])))).await;
    assert_eq!(outcome_of(&unknown), (422, "business-rule".to_owned(), "Consent.patient".to_owned()));
    for hidden in [literal("", NOBODY[0]), literal("", CHILD), person(CHILD), whole(CHILD)] {
        let answer = send(&app, post("/Consent", &role_of(&person(LONER), &hidden))).await;
        assert_eq!((answer.status, answer.json()), (unknown.status, unknown.json()), "{hidden}");
        let mut related = relationship(LONER, SON);
        related["patient"] = hidden;
        let answer = outcome_of(&send(&app, post("/RelatedPerson", &related)).await);
        assert_eq!(answer, (422, "business-rule".to_owned(), "RelatedPerson.patient".to_owned()));
    }
    for (row, name) in [
        ("another server", literal("http://elsewhere.example/", SON)),
        ("no Patient", json!({ "reference": format!("RelatedPerson/{SON}") })),
        ("no number", literal("", "one")),
        ("a version", json!({ "reference": format!("Patient/{SON}/_history/1") })),
        ("nothing", json!({ "display": "A person" })),
    ] {
        let (status, _, at) =
            outcome_of(&send(&app, post("/Consent", &role_of(&person(LONER), &name))).await);
        assert_eq!(status, 422, "{row}");
        assert!(at.starts_with("Consent.patient"), "{row}: {at}");
    }
    let mut actor = role(LONER, SON);
    actor["provision"]["actor"][0]["reference"] = literal("", MOTHER);
    let answer = outcome_of(&send(&app, post("/Consent", &actor)).await);
    let place = "Consent.provision.actor[0].reference".to_owned();
    assert_eq!(answer, (422, "business-rule".to_owned(), place));
    footprint.check_untouched("all of them");
}

// covers G-16, R-07
#[rstest]
#[actix_web::test]
async fn citizen_cannot_reference_a_hidden_person(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut footprint = Footprint::of(&app);
    let submit = |subject: Value, patient: &str| -> Request {
        let mut form = access_request(LONER, patient);
        form["subject"] = subject;
        post("/QuestionnaireResponse", &form).bearer(&citizen(LONER))
    };
    let unseen = send(&app, submit(literal("", SON), SON)).await;
    let unknown = send(&app, submit(literal("", NOBODY[0]), NOBODY[0])).await;
    assert_eq!((unseen.status, unseen.json()), (422, unknown.json()));
    footprint.check_untouched("refused");
    let mut named = person(SON);
    named["type"] = "Patient".into();
    assert_eq!(send(&app, submit(named, SON)).await.status, 201, "a number may be of any person");
}

// covers B-04
#[rstest]
#[actix_web::test]
async fn transaction_references_people_by_conditional_reference(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    const RELATED: &str = "urn:uuid:6a0e2a4c-77e3-4d53-8f0b-b3a4f0c7f4d2";
    let app = TestApp::strict(backend).await;
    let found = |number: &str| json!({ "reference": format!("Patient?identifier={NHS}|{number}") });
    let mut related = relationship(LONER, SON);
    related["patient"] = found(SON);
    let mut form = access_request(LONER, SON);
    form["subject"] = found(SON);
    form["source"] = json!({ "reference": RELATED });
    let mut of_the_related = give("POST", "RelatedPerson", &related);
    of_the_related["fullUrl"] = RELATED.into();
    let entries = [
        give("POST", "QuestionnaireResponse", &form),
        give("POST", "Consent", &role_of(&found(LONER), &found(PATIENTS[0]))),
        of_the_related,
    ];
    let mut footprint = Footprint::of(&app);
    let mut wrong = entries.clone();
    wrong[1]["resource"]["performer"][0] = found(NOBODY[0]);
    assert_eq!(outcome_of(&send(&app, post("", &bundle("transaction", &wrong))).await).0, 412);
    footprint.check_untouched("one condition has no match");
    let made = send_well(&app, post("", &bundle("transaction", &entries)), 200).await;
    assert_eq!(statuses(&made), ["201", "201", "201"], "{made:#}");
    let resource = |number: usize| &made["entry"][number]["resource"];
    assert_eq!(resource(0)["subject"], whole(SON));
    assert_eq!(resource(0)["source"]["identifier"]["value"], LONER);
    let place = format!("RelatedPerson/{}", resource(2)["id"].as_str().expect("an id"));
    assert_eq!(resource(0)["source"]["reference"], place);
    assert_eq!((&resource(1)["patient"], &resource(1)["performer"][0]), (&whole(PATIENTS[0]), &whole(LONER)));
    assert_eq!(resource(2)["patient"], whole(SON));
    let grown = footprint.grown();
    assert_eq!(grown, Rows { roles: 1, versions: 1, acts: 3, events: 3, requests: 1 });
}

/// The policies that the statement claims for a type.
fn policies(statement: &Value, kind: &str) -> Vec<String> {
    let all = statement["rest"][0]["resource"].as_array().expect("types");
    let entry = all.iter().find(|entry| entry["type"] == kind).expect("the type");
    let policies = entry["referencePolicy"].as_array().map_or(&[][..], Vec::as_slice);
    policies.iter().map(|policy| policy.as_str().expect("a code").to_owned()).collect()
}

/// Each policy that is claimed is what the tests above show; what is not claimed is not done.
// covers V-09, C-03
#[rstest]
#[actix_web::test]
async fn capability_statement_has_the_actual_reference_policies(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let statement = send_well(&app, get("/metadata"), 200).await;
    for kind in ["Consent", "RelatedPerson"] {
        let wanted = ["literal", "logical", "resolves", "enforced", "local"];
        assert_eq!(policies(&statement, kind), wanted, "{kind}");
    }
    for (kind, wanted) in [
        ("QuestionnaireResponse", vec!["literal", "logical"]),
        ("Patient", vec!["logical"]),
        ("AuditEvent", vec!["literal", "logical"]),
        ("Provenance", vec!["literal", "logical"]),
        ("Questionnaire", vec![]),
    ] {
        assert_eq!(policies(&statement, kind), wanted, "{kind}");
    }
    // A form is neither `local` nor `enforced`: it refers to any target that its author names.
    let mut form = access_request(LONER, SON);
    form["author"] = json!({ "reference": "http://elsewhere.example/Practitioner/1" });
    let kept = send_well(&app, post("/QuestionnaireResponse", &form), 201).await;
    assert_eq!(kept["author"], form["author"]);
}
