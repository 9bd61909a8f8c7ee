//! Contract §4.5: the answers that each question of an access request accepts.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::edit::{with, without};
use crate::vrs::expected_error::not_a_questionnaire_response;
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{MOTHER, SON};

/// What a question takes.
#[derive(Clone, Copy)]
enum ItemKind {
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

const QUESTIONS: [(&str, ItemKind); 28] = [
    ("relatedPerson_name", ItemKind::Group),
    ("relatedPerson_name_first", ItemKind::Text),
    ("relatedPerson_name_family", ItemKind::Text),
    ("relatedPerson_birthDate", ItemKind::Date),
    ("relatedPerson_basisForAccess", ItemKind::One(&["PRN", "Personal", "002"])),
    ("relatedPerson_relationship", ItemKind::One(RELATIONSHIP)),
    ("relatedPerson_relationshipMoreinfo", ItemKind::Text),
    ("patient_name", ItemKind::Group),
    ("patient_name_first", ItemKind::Text),
    ("patient_name_family", ItemKind::Text),
    ("patient_birthDate", ItemKind::Date),
    ("requestedAccess_accessLevel", ItemKind::Many(ACCESS)),
    ("requestedAccess_accessLevelMoreinfo", ItemKind::Text),
    ("requestedAccess_reasonsForAccess", ItemKind::Many(REASONS)),
    ("requestedAccess_reasonsForAccessMoreinfo", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_evidenceOfResponsibility", ItemKind::One(EVIDENCE)),
    ("parentalApplicationSupplementaryDetails_evidenceOfResponsibilityMoreinfo", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_isCurrentAddressConfirmed", ItemKind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_liveAtSameAddress", ItemKind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_canChildConsent", ItemKind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_reasonNoChildConsent", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress", ItemKind::Group),
    ("parentalApplicationSupplementaryDetails_newAddress_line1", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_line2", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_line3", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_city", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_district", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_postalCode", ItemKind::Text),
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
fn answers(kind: ItemKind) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
    let text = || json!({ "valueString": "x" });
    let truth = || json!({ "valueBoolean": true });
    let date = || json!({ "valueDate": "1970-02-15" });
    let wrong_code = || vec![coding("NOSUCH")];
    let one_each = |codes: &[&str]| codes.iter().map(|code| vec![coding(code)]).collect::<Vec<_>>();
    let others = vec![vec![json!({ "valueInteger": 1 })], vec![json!({ "valueUri": "urn:x" })]];
    let (good, bad) = match kind {
        ItemKind::Text => {
            (vec![vec![text()]], vec![vec![truth()], vec![date()], wrong_code(), vec![text(), text()]])
        }
        ItemKind::TextOrBoolean => {
            (vec![vec![text()], vec![truth()]], vec![vec![date()], wrong_code(), vec![truth(), text()]])
        }
        ItemKind::Date => {
            let bad_day = vec![json!({ "valueDate": "1970-02-30" })];
            let time = vec![json!({ "valueDate": "1970-02-15T10:00:00Z" })];
            (vec![vec![date()]], vec![vec![text()], bad_day, time, vec![date(), date()]])
        }
        ItemKind::One(codes) => {
            let two = codes.iter().take(2).map(|code| coding(code)).collect();
            let elsewhere =
                vec![json!({ "valueCoding": { "system": "https://example.org", "code": codes[0] } })];
            (one_each(codes), vec![vec![text()], vec![truth()], wrong_code(), elsewhere, two])
        }
        ItemKind::Many(codes) => {
            let all: Vec<_> = codes.iter().map(|code| coding(code)).collect();
            let spoilt = [&all[..], &wrong_code()].concat();
            let good = one_each(codes).into_iter().chain([all]).collect();
            (good, vec![vec![text()], wrong_code(), spoilt])
        }
        ItemKind::Group => return (Vec::new(), vec![vec![text()], vec![truth()]]),
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
