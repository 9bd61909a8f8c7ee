//! Create.

use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{one_of_each, person, relationship, role};
use crate::fhir::client::{get, outcome_of, path_of, places, post, send, send_well};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{CHILD, LONER, MOTHER, NOBODY, PATIENTS};

// covers R-10, R-11, G-12
#[rstest]
#[actix_web::test]
async fn create_is_201_with_location_etag_and_last_modified(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for (path, mut body) in one_of_each(LONER, PATIENTS[0]).into_iter().rev() {
        body["id"] = "mine".into();
        body["meta"] = json!({ "versionId": "7", "lastUpdated": "2020-01-01T00:00:00Z" });
        let answer = send(&app, post(path, &body)).await;
        let created = answer.json();
        assert_eq!(answer.status, 201, "{created}");
        let id = created["id"].as_str().expect("an id");
        assert_ne!(id, "mine");
        assert_eq!(created["meta"]["versionId"], "1");
        assert_eq!(created["meta"]["lastUpdated"], "2026-11-22T12:00:00Z");
        assert_eq!(answer.header("etag"), Some("W/\"1\""));
        assert_eq!(answer.header("last-modified"), Some("Sun, 22 Nov 2026 12:00:00 GMT"));
        let location = path_of(&app, answer.header("location").expect("a location"));
        assert_eq!(location, format!("{path}/{id}/_history/1"));
        assert_eq!(send_well(&app, get(&location), 200).await, created);
    }
}

// covers R-12, R-13, G-17, G-20
#[rstest]
#[actix_web::test]
async fn create_rejects_a_body_of_another_resource_type(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let good = role(LONER, PATIENTS[0]);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let without = |name: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(name);
        body
    };
    for (row, body, status, place) in [
        ("another type", relationship(LONER, PATIENTS[0]), 400, "resourceType"),
        ("no type", without("resourceType"), 400, "resourceType"),
        ("an array", json!([good]), 400, "resourceType"),
        ("an unknown element", with("colour", "red".into()), 400, "Consent.colour"),
        ("an empty object", with("performer", json!({})), 400, ""),
        ("an empty array", with("scope", json!([])), 400, ""),
        ("an object for an array", with("performer", person(LONER)), 400, "Consent.performer"),
        ("an array for an object", with("patient", json!([person(LONER)])), 400, "Consent.patient"),
        ("a number for a text", with("dateTime", json!(2026)), 400, "Consent.dateTime"),
        ("no status", without("status"), 422, "Consent.status"),
        ("another status", with("status", "finished".into()), 422, "Consent.status"),
        ("no date", with("dateTime", "yesterday".into()), 422, "Consent.dateTime"),
        ("a rule of R4", without("policyRule"), 422, "Consent"),
        ("a rule of the profile", with("scope", json!({ "text": "x" })), 422, "Consent.scope"),
        (
            "a reference to another type",
            with("patient", json!({ "reference": "Group/1" })),
            422,
            "Consent.patient.reference",
        ),
        ("a rule of the domain", role(LONER, LONER), 422, "Consent.performer"),
    ] {
        let answer = send(&app, post("/Consent", &body)).await;
        let (got, _, at) = outcome_of(&answer);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!((got, at.as_str()), (status, place), "{row}: {text}");
        footprint.check_untouched(row);
    }
    let mut both = without("status");
    both["colour"] = "red".into();
    let answer = send(&app, post("/Consent", &both)).await;
    assert_eq!(answer.status, 400, "what cannot be read comes first");
    let wanted = ["Consent.colour", "Consent.status"];
    assert!(wanted.iter().all(|at| places(&answer.json()).iter().any(|place| place == at)));
    for (row, text) in [
        ("no JSON", "{"),
        ("a key twice", r#"{"resourceType":"Consent","status":"active","status":"draft"}"#),
        ("nothing", " "),
        ("null", r#"{"resourceType":"Consent","status":null}"#),
        ("text behind", r#"{"resourceType":"Consent"} x"#),
    ] {
        let request = post("/Consent", &Value::Null).body(text);
        assert_eq!(send(&app, request).await.status, 400, "{row}");
        footprint.check_untouched(row);
    }
    assert_eq!(send(&app, post("/Consent", &Value::Null).body("")).await.status, 400);
}

fn unheld() -> Vec<(&'static str, Value, &'static str)> {
    let unknown = json!([{ "url": "http://example.org/x", "valueString": "x" }]);
    vec![
        ("/provision/data", json!([{ "meaning": "instance", "reference": { "display": "x" } }]), "data"),
        ("/provision/type", "deny".into(), "Consent.provision.type"),
        ("/provision/purpose", json!([{ "code": "TREAT" }]), "purpose"),
        ("/provision/provision", json!([{ "type": "permit" }]), "provision.provision"),
        ("/organization", json!([{ "display": "A practice" }]), "Consent.organization"),
        ("/contained", json!([{ "resourceType": "Patient", "id": "p" }]), "Consent.contained"),
        ("/meta", json!({ "tag": [{ "system": "http://example.org", "code": "x" }] }), "Consent.meta.tag"),
        ("/meta", json!({ "security": [{ "system": "http://example.org", "code": "R" }] }), "meta.security"),
        ("/identifier", json!([{ "value": "1" }]), "Consent.identifier"),
        ("/sourceAttachment", json!({ "title": "x" }), "Consent.source"),
        ("/verification", json!([{ "verified": true }]), "Consent.verification"),
        ("/language", "en".into(), "Consent.language"),
        ("/patient/display", "Words".into(), ""),
        ("/patient/extension", unknown.clone(), "Consent.patient.extension"),
        ("/extension/2", unknown[0].clone(), "Consent.extension[2]"),
        ("/extension/2", bodies::reason("ROLE_CREATED"), "Consent.extension"),
        ("/modifierExtension", unknown, "Consent.modifierExtension"),
        ("/category/1", json!({ "text": "x" }), "Consent.category[1]"),
        ("/performer/1", bodies::person(MOTHER), "Consent.performer"),
    ]
}

// covers V-01, V-06
#[rstest]
#[actix_web::test]
async fn create_rejects_unsupported_elements_by_name(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (number, (pointer, value, place)) in unheld().into_iter().enumerate() {
        let mut body = role(LONER, PATIENTS[number % PATIENTS.len()]);
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        match body.pointer_mut(parent).expect("a parent") {
            Value::Array(items) => items.push(value),
            other => other[name] = value,
        }
        let answer = send(&app, post("/Consent", &body)).await;
        let outcome = answer.json();
        if place.is_empty() {
            assert_eq!(answer.status, 201, "{pointer}: {outcome}");
            footprint.grown();
            continue;
        }
        assert_eq!(answer.status, 422, "{pointer}: {outcome}");
        assert!(places(&outcome).iter().any(|at| at.contains(place)), "{pointer}: {outcome}");
        footprint.check_untouched(pointer);
    }
}

// covers V-01, V-02, V-03, V-06
#[rstest]
#[actix_web::test]
async fn create_stores_a_related_person_or_questionnaire_response_whole_or_rejects_it(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let tag = json!({ "tag": [{ "system": "http://example.org", "code": "x" }] });
    let unknown = json!([{ "url": "http://example.org/x", "valueString": "x" }]);
    let other = json!([{ "system": bodies::NHS, "value": LONER }, { "value": "2" }]);
    for (kind, name, value, place) in [
        ("RelatedPerson", "meta", tag.clone(), "RelatedPerson.meta.tag"),
        ("RelatedPerson", "name", json!([{ "family": "Jones" }]), "RelatedPerson.name"),
        ("RelatedPerson", "gender", "female".into(), "RelatedPerson.gender"),
        ("RelatedPerson", "birthDate", "1980-02-30".into(), "RelatedPerson.birthDate"),
        ("RelatedPerson", "gender", "woman".into(), "RelatedPerson.gender"),
        ("RelatedPerson", "communication", json!([{ "preferred": true }]), "RelatedPerson.communication"),
        ("RelatedPerson", "extension", unknown.clone(), "RelatedPerson.extension"),
        ("RelatedPerson", "modifierExtension", unknown.clone(), "RelatedPerson.modifierExtension"),
        ("RelatedPerson", "identifier", other, "RelatedPerson.identifier"),
        ("QuestionnaireResponse", "meta", tag, "QuestionnaireResponse.meta.tag"),
        ("QuestionnaireResponse", "identifier", json!({ "value": "1" }), "QuestionnaireResponse.identifier"),
        ("QuestionnaireResponse", "modifierExtension", unknown, "QuestionnaireResponse.modifierExtension"),
        ("QuestionnaireResponse", "item", json!([{ "text": "no linkId" }]), "QuestionnaireResponse.item"),
    ] {
        let bodies = one_of_each(LONER, PATIENTS[0]);
        let (path, body) = bodies.into_iter().find(|(path, _)| path.ends_with(kind)).expect("a body");
        let mut body = body;
        body[name] = value;
        let answer = send(&app, post(path, &body)).await;
        let outcome = answer.json();
        assert_eq!(answer.status, 422, "{kind}.{name}: {outcome}");
        assert!(places(&outcome).iter().any(|at| at.starts_with(place)), "{kind}.{name}: {outcome}");
        footprint.check_untouched(place);
    }
}

// covers V-10, R-13
#[rstest]
#[actix_web::test]
async fn create_enforces_the_role_rules(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let mut without_grantor = role(LONER, PATIENTS[0]);
    without_grantor["extension"] = json!([bodies::reason("ROLE_CREATED")]);
    let mut inactive = role(LONER, PATIENTS[0]);
    inactive["status"] = "inactive".into();
    let mut wrong_reason = role(LONER, PATIENTS[0]);
    wrong_reason["extension"][0] = bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING");
    let mut backwards = role(LONER, PATIENTS[0]);
    backwards["provision"]["period"] = json!({ "start": "2026-11-20", "end": "2026-11-19" });
    let mut passed = role(LONER, PATIENTS[0]);
    passed["provision"]["period"] = json!({ "start": "2026-11-20", "end": "2026-11-21" });
    for (row, body, status, code, place) in [
        ("own proxy", role(LONER, LONER), 422, "business-rule", "Consent.performer"),
        ("unknown patient", role(LONER, NOBODY[0]), 422, "business-rule", "Consent.patient"),
        ("unknown proxy", role(NOBODY[0], LONER), 422, "business-rule", "Consent.performer"),
        ("a second role", role(MOTHER, CHILD), 409, "duplicate", ""),
        ("no grantor", without_grantor, 422, "business-rule", "Consent.extension"),
        ("no first status", inactive, 422, "business-rule", "Consent.status"),
        ("another reason", wrong_reason, 422, "business-rule", "Consent.extension"),
        ("an end before the start", backwards, 422, "invariant", "Consent.provision.period"),
        ("an end that has passed", passed, 422, "business-rule", "Consent.provision.period.end"),
        ("no NHS number", role("9000000010", CHILD), 422, "value", "Consent.performer"),
    ] {
        let answer = send(&app, post("/Consent", &body)).await;
        assert_eq!(outcome_of(&answer), (status, code.to_owned(), place.to_owned()), "{row}");
        footprint.check_untouched(row);
    }
    let created = send(&app, post("/Consent", &role(LONER, PATIENTS[0]))).await;
    assert_eq!((created.status, footprint.grown()), (201, Rows::CREATED));
}
