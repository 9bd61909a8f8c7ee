//! The answers of an access request against its form (V-03).

use serde_json::{Value, json};

use super::{assert_each, errors, warnings, with};
use crate::fhir::profiles::ACCESS_REQUEST_FORM;

fn request() -> Value {
    json!({
        "resourceType": "QuestionnaireResponse",
        "questionnaire": ACCESS_REQUEST_FORM,
        "status": "completed",
        "item": [
            { "linkId": "relatedPerson", "item": [
                { "linkId": "relatedPerson_identifier", "answer": [{ "valueString": "9000000017" }] },
                { "linkId": "relatedPerson_birthDate", "answer": [{ "valueDate": "1990-01-01" }] },
                { "linkId": "relatedPerson_basisForAccess", "answer": [{ "valueCoding": {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "PRN", "display": "Any words",
                }}]},
            ]},
            { "linkId": "patient", "item": [
                { "linkId": "patient_identifier", "answer": [{ "valueString": "9000000009" }] },
            ]},
            { "linkId": "requestedAccess", "item": [
                { "linkId": "requestedAccess_accessLevel", "answer": [
                    { "valueCoding": { "system": "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-RequestedAccess", "code": "APPT" } },
                    { "valueCoding": { "system": "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-RequestedAccess", "code": "TEST" } },
                ]},
            ]},
        ],
    })
}

#[test]
fn v_03_answers_are_what_the_form_asks_for() {
    let first = "QuestionnaireResponse.item[0].item";
    let rule = "business-rule QuestionnaireResponse.item";
    let one = format!("business-rule {first}[1].answer");
    let option = "Choose one of the options that the form has.";
    assert_each(
        &request(),
        &[
            (
                "/item/1",
                json!(null),
                &["required QuestionnaireResponse.item: Add the item patient: the form requires it."],
            ),
            (
                "/item/1/item/0",
                json!({ "linkId": "patient_identifier" }),
                &[
                    "required QuestionnaireResponse.item[1].item[0].answer: Answer this question: the form requires it.",
                ],
            ),
            (
                "/item/3",
                json!({ "linkId": "patient", "item": [{ "linkId": "patient_identifier", "answer": [{ "valueString": "1" }] }] }),
                &[&format!("{rule}: Give the item patient once: it does not repeat.")],
            ),
            (
                "/item/3",
                json!({ "linkId": "parentalApplicationSupplementaryDetails", "answer": [{ "valueString": "a" }] }),
                &[&format!("{rule}[3].answer: Remove the answer: this is no question.")],
            ),
            (
                "/item/0/item/1/answer/0",
                json!({ "valueString": "1990-01-01" }),
                &[&format!("{one}[0]: Answer with valueDate: the question is of type date.")],
            ),
            (
                "/item/0/item/1/answer/1",
                json!({ "valueDate": "1990-01-01" }),
                &[&format!("{one}: Give one answer: this question does not repeat.")],
            ),
            (
                "/item/0/item/0/answer/0/valueString",
                json!("90000000170"),
                &[&format!(
                    "too-long {first}[0].answer[0]: Shorten the answer: it is longer than the form allows."
                )],
            ),
            (
                "/item/0/item/2/answer/0/valueCoding/code",
                json!("PRNX"),
                &[&format!("code-invalid {first}[2].answer[0]: {option}")],
            ),
            (
                "/item/0/item/2/answer/0/valueCoding/system",
                json!("https://terminology.hl7.org/CodeSystem/v3-RoleCode"),
                &[],
            ),
        ],
    );
}

#[test]
fn v_03_a_response_in_progress_may_leave_questions_open_but_not_answer_them_wrongly() {
    let open = with(with(request(), "/status", json!("in-progress")), "/item/1", json!(null));
    assert_eq!(errors(&open), Vec::<String>::new());
    let wrong = with(open, "/item/0/item/1/answer/0", json!({ "valueString": "a" }));
    assert_eq!(errors(&wrong).len(), 1);
    assert_eq!(errors(&with(wrong.clone(), "/status", json!("entered-in-error"))), Vec::<String>::new());
    assert_eq!(errors(&with(wrong, "/questionnaire", json!("Questionnaire/1"))), Vec::<String>::new());
}

#[test]
fn v_03_a_question_that_the_form_does_not_have_is_a_warning() {
    let more = with(request(), "/item/3", json!({ "linkId": "more", "answer": [{ "valueString": "a" }] }));
    assert_eq!(errors(&more), Vec::<String>::new());
    let words = "The form has no question of this linkId in this place: the answer is kept as it is.";
    assert_eq!(warnings(&more), [format!("informational QuestionnaireResponse.item[3].linkId: {words}")]);
}
