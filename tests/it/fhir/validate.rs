//! `$validate` of what R4 itself demands of each type, and of the profiles that a resource names: each
//! rule with the place that breaks it, and nothing else.

use fhir::outcome::Severity;
use fhir::validate::validate;
use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{one_of_each, relationship, role};
use crate::fhir::client::{post, send, send_well};
use crate::support::{Backend, TestApp};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, SON};

/// The issues of a severity: code, place, and the key of an invariant.
fn outcome_of(outcome: &Value, severity: &str) -> Vec<String> {
    let issues = outcome["issue"].as_array().expect("issues").iter();
    let issues = issues.filter(|issue| issue["severity"] == severity);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    issues
        .map(|issue| {
            let (code, at) = (text(&issue["code"]), text(&issue["expression"][0]));
            match text(&issue["diagnostics"]).split_once(": ") {
                Some((key, _)) if code == "invariant" => format!("{key} {at}"),
                _ => format!("{code} {at}"),
            }
        })
        .collect()
}

async fn check_each(app: &TestApp, rows: Vec<(Value, Vec<&str>)>) {
    let mut footprint = Footprint::of(app);
    for (body, expected) in rows {
        let kind = body["resourceType"].as_str().expect("a type");
        let outcome = send_well(app, post(&format!("/{kind}/$validate"), &body), 200).await;
        assert_eq!(outcome_of(&outcome, "error"), expected, "{body}: {outcome:#}");
    }
    footprint.check_untouched("validation");
}

// covers V-02, R-13
#[rstest]
#[actix_web::test]
async fn a_related_person_has_a_patient_a_language_a_known_gender_and_a_date_of_birth(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let with = |name: &str, value: Value| {
        let mut body = relationship(LONER, SON);
        body[name] = value;
        body
    };
    let mut alone = relationship(LONER, SON);
    alone.as_object_mut().expect("an object").remove("patient");
    let language = "required RelatedPerson.communication[0].language";
    let wrong = vec![
        (alone, vec!["required RelatedPerson.patient", "required RelatedPerson.patient"]),
        (with("communication", json!([{ "preferred": true }])), vec![language]),
        (with("gender", "woman".into()), vec!["code-invalid RelatedPerson.gender"]),
        (with("birthDate", "1980-02-30".into()), vec!["value RelatedPerson.birthDate"]),
        (with("birthDate", "1980-13".into()), vec!["value RelatedPerson.birthDate"]),
        (with("birthDate", "15/02/1980".into()), vec!["value RelatedPerson.birthDate"]),
    ];
    let mut footprint = Footprint::of(&app);
    for (body, expected) in &wrong {
        let answer = send(&app, post("/RelatedPerson", body)).await;
        assert_eq!(
            (answer.status, outcome_of(&answer.json(), "error")),
            (422, expected.iter().map(ToString::to_string).collect())
        );
    }
    footprint.check_untouched("refused");
    let english = json!([{ "language": { "coding": [{ "system": "urn:ietf:bcp:47", "code": "en" }] } }]);
    let right = [("communication", english), ("gender", "female".into()), ("birthDate", "1980-02".into())];
    let right = right.map(|(name, value)| (with(name, value), vec![]));
    check_each(&app, wrong.into_iter().chain(right).collect()).await;
}

fn form(items: Value) -> Value {
    json!({ "resourceType": "Questionnaire", "status": "draft", "item": items })
}

// covers V-04
#[rstest]
#[actix_web::test]
async fn a_questionnaire_keeps_each_of_its_invariants(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let item = |mut more: Value| {
        more["linkId"] = "a".into();
        form(json!([more]))
    };
    let leaf = json!([{ "linkId": "b", "type": "string" }]);
    let option = json!([{ "valueString": "a" }]);
    let when =
        |count: usize| vec![json!({ "question": "b", "operator": "exists", "answerBoolean": true }); count];
    let bad_exists = json!([{ "question": "b", "operator": "exists", "answerString": "a" }]);
    let bare = json!([{ "question": "b" }]);
    let two = json!([{ "valueString": "a" }, { "valueString": "b" }]);
    let at = |key: &str| format!("{key} Questionnaire.item[0]");
    let rows: Vec<(Value, Vec<String>)> = vec![
        (json!({ "resourceType": "Questionnaire" }), vec!["required Questionnaire.status".to_owned()]),
        (
            form(json!([{ "text": "x" }])),
            vec![
                "required Questionnaire.item[0].linkId".to_owned(),
                "required Questionnaire.item[0].type".to_owned(),
            ],
        ),
        (
            item(json!({ "type": "string", "enableWhen": bare })),
            vec![
                "required Questionnaire.item[0].enableWhen[0].operator".to_owned(),
                "required Questionnaire.item[0].enableWhen[0].answer".to_owned(),
            ],
        ),
        (item(json!({ "type": "group" })), vec![at("que-1")]),
        (item(json!({ "type": "display", "item": leaf })), vec![at("que-1")]),
        (
            form(json!([{ "linkId": "b", "type": "group", "item": leaf }])),
            vec!["que-2 Questionnaire".to_owned()],
        ),
        (item(json!({ "type": "display", "code": [{ "code": "a" }] })), vec![at("que-3")]),
        (
            item(json!({ "type": "choice", "answerOption": option, "answerValueSet": "http://a" })),
            vec![at("que-4")],
        ),
        (item(json!({ "type": "boolean", "answerOption": option })), vec![at("que-5")]),
        (item(json!({ "type": "display", "required": true })), vec![at("que-6")]),
        (
            item(json!({ "type": "string", "enableWhen": bad_exists })),
            vec!["que-7 Questionnaire.item[0].enableWhen[0]".to_owned()],
        ),
        (item(json!({ "type": "group", "item": leaf, "initial": option })), vec![at("que-8")]),
        (item(json!({ "type": "display", "readOnly": true })), vec![at("que-9")]),
        (item(json!({ "type": "date", "maxLength": 1 })), vec![at("que-10")]),
        (item(json!({ "type": "choice", "answerOption": option, "initial": option })), vec![at("que-11")]),
        (item(json!({ "type": "string", "enableWhen": when(3) })), vec![at("que-12")]),
        (item(json!({ "type": "string", "initial": two })), vec![at("que-13")]),
        (item(json!({ "type": "string", "enableWhen": when(3), "enableBehavior": "all" })), vec![]),
        (item(json!({ "type": "choice", "answerOption": option })), vec![]),
    ];
    let rows_of =
        rows.iter().map(|(body, expected)| (body.clone(), expected.iter().map(String::as_str).collect()));
    check_each(&app, rows_of.collect()).await;
    for (body, warning) in [
        (
            json!({ "resourceType": "Questionnaire", "status": "draft", "name": "a b" }),
            "que-0 Questionnaire.name",
        ),
        (item(json!({ "type": "string", "enableWhen": when(2) })), "que-12 Questionnaire.item[0]"),
    ] {
        let outcome = send_well(&app, post("/Questionnaire/$validate", &body), 200).await;
        assert_eq!(
            (outcome_of(&outcome, "error").len(), outcome_of(&outcome, "warning")),
            (0, vec![warning.to_owned()])
        );
    }
}

// covers V-05
#[rstest]
#[actix_web::test]
async fn patient_audit_event_and_provenance_have_mandatory_elements(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let patient = |contact: Value| json!({ "resourceType": "Patient", "contact": [contact] });
    let audit = |name: &str, value: Value| {
        let mut body = json!({
            "resourceType": "AuditEvent",
            "type": { "system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110112" },
            "recorded": "2026-01-01T00:00:00Z",
            "agent": [{ "requestor": true }],
            "source": { "observer": { "display": "a" } },
        });
        body[name] = value;
        body
    };
    let provenance = |name: &str, value: Value| {
        let mut body = json!({
            "resourceType": "Provenance",
            "target": [{ "reference": "Patient/1" }],
            "recorded": "2026-01-01T00:00:00Z",
            "agent": [{ "who": { "display": "a" } }],
        });
        body[name] = value;
        body
    };
    let what = json!({ "display": "a" });
    let rows = vec![
        (patient(json!({ "gender": "female" })), vec!["pat-1 Patient.contact[0]"]),
        (patient(json!({ "gender": "female", "name": { "text": "a" } })), vec![]),
        (json!({ "resourceType": "Patient", "birthDate": "1980-13-01" }), vec!["value Patient.birthDate"]),
        (
            json!({ "resourceType": "AuditEvent" }),
            vec![
                "required AuditEvent.type",
                "required AuditEvent.recorded",
                "required AuditEvent.agent",
                "required AuditEvent.source",
            ],
        ),
        (audit("agent", json!([{ "name": "a" }])), vec!["required AuditEvent.agent[0].requestor"]),
        (audit("source", json!({ "site": "a" })), vec!["required AuditEvent.source.observer"]),
        (audit("entity", json!([{ "name": "a", "query": "YQ==" }])), vec!["sev-1 AuditEvent.entity[0]"]),
        (audit("entity", json!([{ "name": "a" }])), vec![]),
        (
            json!({ "resourceType": "Provenance" }),
            vec!["required Provenance.target", "required Provenance.recorded", "required Provenance.agent"],
        ),
        (provenance("agent", json!([{ "type": { "text": "a" } }])), vec!["required Provenance.agent[0].who"]),
        (provenance("entity", json!([{ "role": "source" }])), vec!["required Provenance.entity[0].what"]),
        (provenance("entity", json!([{ "what": what }])), vec!["required Provenance.entity[0].role"]),
        (provenance("entity", json!([{ "what": what, "role": "source" }])), vec![]),
    ];
    check_each(&app, rows).await;
}

/// R4's rules for a Subscription: the validation behind `$validate` of every type.
// covers V-05
#[test]
fn subscription_has_mandatory_elements() {
    let places = |body: &Value| {
        let issues = validate(body, "Subscription").into_iter();
        let errors = issues.filter(|issue| issue.severity == Severity::Error);
        errors.map(|issue| issue.expression.unwrap_or_default()).collect::<Vec<_>>()
    };
    let whole = json!({
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "a",
        "criteria": "http://example.org/topic",
        "channel": { "type": "rest-hook" },
    });
    assert_eq!(places(&whole), Vec::<String>::new());
    for name in ["status", "reason", "criteria", "channel"] {
        let mut part = whole.clone();
        part.as_object_mut().expect("an object").remove(name);
        assert_eq!(places(&part), [format!("Subscription.{name}")]);
    }
    let mut untyped = whole;
    untyped["channel"] = json!({ "payload": "application/fhir+json" });
    assert_eq!(places(&untyped), ["Subscription.channel.type"]);
}

// covers V-08
#[rstest]
#[actix_web::test]
async fn resource_is_validated_by_meta_profile_and_unknown_profiles_are_reported(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let ours = "https://fhir.onbehalf.org.uk/R4/StructureDefinition/ProxyRole";
    let claim = |profile: &str| {
        let mut body = role(LONER, SON);
        body["meta"] = json!({ "profile": [profile] });
        body
    };
    let mut draft = claim(ours);
    draft["status"] = "draft".into();
    check_each(&app, vec![(claim(ours), vec![]), (draft, vec!["code-invalid Consent.status"])]).await;
    let unknown = "not-supported Consent.meta.profile[0]".to_owned();
    for profile in [
        "http://example.org/StructureDefinition/x",
        "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Consent",
        "https://fhir.onbehalf.org.uk/R4/StructureDefinition/ProxyRelationship",
    ] {
        let outcome = send_well(&app, post("/Consent/$validate", &claim(profile)), 200).await;
        assert_eq!(outcome_of(&outcome, "error"), Vec::<String>::new(), "{profile}");
        assert!(outcome_of(&outcome, "warning").contains(&unknown), "{profile}: {outcome:#}");
        let asked = post(&format!("/Consent/$validate?profile={profile}"), &role(LONER, SON));
        let outcome = send_well(&app, asked, 200).await;
        assert_eq!(outcome_of(&outcome, "error"), ["not-supported Consent"], "{profile}: asked for");
    }
    let known = send_well(&app, post("/Consent/$validate", &claim(ours)), 200).await;
    assert!(!outcome_of(&known, "warning").contains(&unknown));
    // A claim that cannot be validated prevents no write; the stored resource names the profile that it
    // conforms to.
    for (path, mut body) in one_of_each(LONER, SON).into_iter().rev() {
        body["meta"] = json!({ "profile": ["http://example.org/StructureDefinition/x"] });
        let created = send_well(&app, post(path, &body), 201).await;
        let profile = created["meta"]["profile"][0].as_str().expect("a profile");
        assert!(profile.starts_with("https://fhir.onbehalf.org.uk/R4/StructureDefinition/"), "{path}");
    }
}
