//! Contract §4.5: the answers that each question of an access request accepts.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::edit::{with, without};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{MOTHER, SON};
use crate::vrs::told::not_a_questionnaire_response;

/// What a question takes.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// The schema says text, an example sends a truth value: both (§9 row 23).
    TextOrBoolean,
    Date,
    One(&'static [&'static str]),
    Many(&'static [&'static str]),
    Group,
}

const ACCESS: &[&str] = &["PRESCR", "APPT", "RECRD", "TEST", "VACC", "COND", "CONSULT", "DOCS"];
const REASONS: &[&str] = &["COMB", "MHEA", "PHYS", "PRAC", "TECH", "NEUR", "LRN", "OTHR", "NotSpecified"];
const EVIDENCE: &[&str] = &["BRTH", "ADPT", "PRNA", "SPRNA", "PORD", "SGORD", "OTHCOURT", "OTHR"];
const RELATIONSHIP: &[&str] = &["PRN", "CHILD", "SPS", "FAMMEMB", "FRND", "CAREGIVER", "SIGOTHR"];

const QUESTIONS: [(&str, Kind); 28] = [
    ("relatedPerson_name", Kind::Group),
    ("relatedPerson_name_first", Kind::Text),
    ("relatedPerson_name_family", Kind::Text),
    ("relatedPerson_birthDate", Kind::Date),
    ("relatedPerson_basisForAccess", Kind::One(&["PRN", "Personal", "002"])),
    ("relatedPerson_relationship", Kind::One(RELATIONSHIP)),
    ("relatedPerson_relationshipMoreinfo", Kind::Text),
    ("patient_name", Kind::Group),
    ("patient_name_first", Kind::Text),
    ("patient_name_family", Kind::Text),
    ("patient_birthDate", Kind::Date),
    ("requestedAccess_accessLevel", Kind::Many(ACCESS)),
    ("requestedAccess_accessLevelMoreinfo", Kind::Text),
    ("requestedAccess_reasonsForAccess", Kind::Many(REASONS)),
    ("requestedAccess_reasonsForAccessMoreinfo", Kind::Text),
    ("parentalApplicationSupplementaryDetails_evidenceOfResponsibility", Kind::One(EVIDENCE)),
    ("parentalApplicationSupplementaryDetails_evidenceOfResponsibilityMoreinfo", Kind::Text),
    ("parentalApplicationSupplementaryDetails_isCurrentAddressConfirmed", Kind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_liveAtSameAddress", Kind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_canChildConsent", Kind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_reasonNoChildConsent", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress", Kind::Group),
    ("parentalApplicationSupplementaryDetails_newAddress_line1", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_line2", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_line3", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_city", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_district", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_postalCode", Kind::Text),
];

fn coding(code: &str) -> Value {
    json!({ "valueCoding": { "system": system_of(code), "code": code } })
}

/// The code system of a code; good enough, as no code here is in two of the questions' systems but OTHR.
fn system_of(code: &str) -> &'static str {
    match code {
        "Personal" => "https://fhir.hl7.org.uk/CodeSystem/UKCore-AdditionalPersonRelationshipRole",
        "002" => "https://fhir.nhs.uk/STU3/CodeSystem/RARecord-ProxyRole-1",
        code if ACCESS.contains(&code) => "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-RequestedAccess",
        code if EVIDENCE.contains(&code) && code != "OTHR" => {
            "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-EvidenceOfResponsibility"
        }
        code if REASONS.contains(&code) => "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-ReasonForAccess",
        _ => "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
    }
}

/// Lists of answers that a question takes, and that it does not.
fn answers(kind: Kind) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
    let text = || json!({ "valueString": "x" });
    let truth = || json!({ "valueBoolean": true });
    let date = || json!({ "valueDate": "1970-02-15" });
    let wrong_code = || vec![coding("NOSUCH")];
    let one_each = |codes: &[&str]| codes.iter().map(|code| vec![coding(code)]).collect::<Vec<_>>();
    let others = vec![vec![json!({ "valueInteger": 1 })], vec![json!({ "valueUri": "urn:x" })]];
    let (good, bad) = match kind {
        Kind::Text => {
            (vec![vec![text()]], vec![vec![truth()], vec![date()], wrong_code(), vec![text(), text()]])
        }
        Kind::TextOrBoolean => {
            (vec![vec![text()], vec![truth()]], vec![vec![date()], wrong_code(), vec![truth(), text()]])
        }
        Kind::Date => {
            let bad_day = vec![json!({ "valueDate": "1970-02-30" })];
            let time = vec![json!({ "valueDate": "1970-02-15T10:00:00Z" })];
            (vec![vec![date()]], vec![vec![text()], bad_day, time, vec![date(), date()]])
        }
        Kind::One(codes) => {
            let two = codes.iter().take(2).map(|code| coding(code)).collect();
            let elsewhere =
                vec![json!({ "valueCoding": { "system": "https://example.org", "code": codes[0] } })];
            (one_each(codes), vec![vec![text()], vec![truth()], wrong_code(), elsewhere, two])
        }
        Kind::Many(codes) => {
            let all: Vec<_> = codes.iter().map(|code| coding(code)).collect();
            let spoilt = [&all[..], &wrong_code()].concat();
            let good = one_each(codes).into_iter().chain([all]).collect();
            (good, vec![vec![text()], wrong_code(), spoilt])
        }
        Kind::Group => return (Vec::new(), vec![vec![text()], vec![truth()]]),
    };
    (good, [bad, others].concat())
}

/// A request with just the three answers that it stands on, and this item.
fn with_item(link_id: &str, answers: &[Value]) -> Value {
    let item =
        |link_id: &str, answers: &[Value]| json!({ "linkId": link_id, "text": "x", "answer": answers });
    let mut items = vec![
        item("relatedPerson_identifier", &[json!({ "valueString": MOTHER })]),
        item("patient_identifier", &[json!({ "valueString": SON })]),
    ];
    if link_id != "requestedAccess_accessLevel" {
        items.push(item("requestedAccess_accessLevel", &[coding("APPT")]));
    }
    // OTHR stands in two of the code systems.
    let mut answers = answers.to_vec();
    for coding in answers.iter_mut().filter_map(|answer| answer.pointer_mut("/valueCoding")) {
        if coding["code"] == "OTHR" && link_id.ends_with("evidenceOfResponsibility") {
            coding["system"] =
                "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-EvidenceOfResponsibility".into();
        }
    }
    items.push(item(link_id, &answers));
    with(bodies::access_request(MOTHER, SON), "/item", items)
}

#[rstest]
#[actix_web::test]
async fn every_question_accepts_its_answer_type_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (link_id, kind) in QUESTIONS {
        let (good, bad) = answers(kind);
        for answers in good {
            let row = format!("{link_id}: {}", Value::from(answers.clone()));
            let answer = app.post("/QuestionnaireResponse", with_item(link_id, &answers)).await;
            assert_eq!(answer.status, 200, "{row}: {}", String::from_utf8_lossy(&answer.body));
            assert_eq!(footprint.grown(), Rows::SUBMITTED, "{row}");
        }
        for answers in bad {
            let row = format!("{link_id}: {}", Value::from(answers.clone()));
            let answer = app.post("/QuestionnaireResponse", with_item(link_id, &answers)).await;
            not_a_questionnaire_response().check(&row, &answer);
            footprint.check_untouched(&row);
        }
    }
}

#[rstest]
#[actix_web::test]
async fn unknown_questions_and_absent_answers_are_accepted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let line = "parentalApplicationSupplementaryDetails_newAddress_line2";
    let unanswered = json!({ "linkId": "relatedPerson_birthDate", "text": "Born" });
    for (row, body) in [
        ("an unknown question", with_item("somethingElse", &[json!({ "valueInteger": 7 })])),
        ("an empty text", with_item(line, &[json!({ "valueString": "" })])),
        ("no answer", with(bodies::access_request(MOTHER, SON), "/item/0/item/-", unanswered)),
        ("no birth date at all", without(bodies::access_request(MOTHER, SON), "/item/0/item/2")),
        ("no supplementary details", without(bodies::access_request(MOTHER, SON), "/item/1")),
    ] {
        let answer = app.post("/QuestionnaireResponse", body).await;
        assert_eq!(answer.status, 200, "{row}: {}", String::from_utf8_lossy(&answer.body));
    }
}
