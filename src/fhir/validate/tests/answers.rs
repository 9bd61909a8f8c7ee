//! The answers of an access request against its form (V-03).

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{assert_each, errors, warnings, with};
use crate::profiles::ACCESS_REQUEST_FORM;
use crate::validate::answers::validate_level;
use crate::validate::condition;
use crate::validate::condition::is_enabled;
use crate::validate::report::Report;

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
fn v_03_answers_match_the_questionnaire() {
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

// covers FAULT-7
/// An extension replaces a missing value.
#[test]
fn v_03_answer_may_be_a_data_absent_extension() {
    let absent = json!({ "_valueDate": { "extension": [{
        "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-unknown",
    }]}});
    let answer = "/item/0/item/1/answer/0";
    assert_eq!(errors(&with(request(), answer, absent.clone())), Vec::<String>::new());
    let other = json!({ "_valueString": absent["_valueDate"] });
    assert_eq!(errors(&with(request(), answer, other)).len(), 1, "of another type");
}

// covers FAULT-6
/// An answer in a group whose condition does not hold is reported, and kept.
#[test]
fn v_03_an_answer_that_the_form_does_not_ask_for_is_a_warning() {
    let group = json!({ "linkId": "parentalApplicationSupplementaryDetails", "item": [
        { "linkId": "parentalApplicationSupplementaryDetails_liveAtSameAddress", "answer": [{ "valueString": "yes" }] },
    ]});
    let mut asked = request();
    asked["item"].as_array_mut().unwrap().insert(1, group);
    assert_eq!((errors(&asked), warnings(&asked)), (vec![], vec![]), "the basis for access is PRN");
    let basis = "/item/0/item/2/answer/0/valueCoding/code";
    let words = "The form does not ask this after these answers: the answer is kept as it is.";
    let messages = |at: usize| [format!("informational QuestionnaireResponse.item[{at}].linkId: {words}")];
    assert_eq!(warnings(&with(asked.clone(), basis, json!("CHILD"))), messages(1), "another answer");
    assert_eq!(warnings(&with(asked.clone(), "/item/0/item/2", json!(null))), messages(1), "no answer");
    // An answer that is only an extension does not meet the condition.
    let unknown = json!({ "extension": [{ "url": "http://example.org/a", "valueCode": "unknown" }] });
    let declined = with(asked, "/item/0/item/2/answer/0/valueCoding", unknown);
    assert_eq!(warnings(&declined), messages(1), "no code");
}

// covers FAULT-6
/// Nothing is required of questions that are not asked, however deep; of those that are asked, it is.
#[test]
fn v_03_nothing_is_required_of_a_group_that_is_not_enabled() {
    let question = |link_id: &str| json!({ "linkId": link_id, "type": "string", "required": true });
    let when = |question: &str| json!([{ "question": question, "operator": "=", "answerBoolean": true }]);
    let form = json!([
        { "linkId": "a", "type": "boolean" },
        { "linkId": "b", "type": "group", "required": true, "enableWhen": when("a"), "item": [
            { "linkId": "c", "type": "group", "required": true, "item": [question("d")] },
        ]},
    ]);
    let messages = |items: Value| {
        let mut report = Report::default();
        let (form, items) = (form.as_array().unwrap(), items.as_array().unwrap().clone());
        let mut disabled = HashSet::new();
        condition::disabled(form, &items, &mut disabled);
        validate_level(form, &items, &disabled, &mut report);
        report.into_issues().into_iter().map(|issue| issue.expression.unwrap_or_default()).collect::<Vec<_>>()
    };
    let answer = |truth: bool| json!({ "linkId": "a", "answer": [{ "valueBoolean": truth }] });
    assert_eq!(messages(json!([answer(false)])), Vec::<String>::new(), "b is not asked");
    assert_eq!(messages(json!([])), Vec::<String>::new(), "nor without an answer");
    assert_eq!(messages(json!([answer(true)])), ["item"], "b is required");
    let inner = json!({ "linkId": "b", "item": [{ "linkId": "c" }] });
    assert_eq!(messages(json!([answer(true), inner])), ["item[1].item[0].item"], "d is required");
    assert_eq!(
        messages(json!([answer(false), inner])),
        ["item[1].linkId"],
        "it is not asked: a warning alone"
    );
}

// covers FAULT-6
#[test]
fn v_03_items_in_another_order_than_the_forms_are_a_warning() {
    let mut turned = request();
    turned["item"].as_array_mut().unwrap().reverse();
    let words = "The form asks this before what stands above it: the answer is kept where it is.";
    let messages = |place: &str| format!("informational QuestionnaireResponse.{place}.linkId: {words}");
    assert_eq!(errors(&turned), Vec::<String>::new());
    assert_eq!(warnings(&turned), [messages("item[1]"), messages("item[2]")]);
    let mut inner = request();
    inner["item"][0]["item"].as_array_mut().unwrap().swap(0, 1);
    assert_eq!(warnings(&inner), [messages("item[0].item[1]")]);
    assert_eq!(warnings(&request()), Vec::<String>::new());
}

// covers FAULT-7
/// The element is present where an extension replaces its value: for every type of question.
#[test]
fn v_03_an_extension_stands_for_an_answer_of_every_primitive_type() {
    let types = [
        ("boolean", "Boolean"),
        ("decimal", "Decimal"),
        ("integer", "Integer"),
        ("date", "Date"),
        ("dateTime", "DateTime"),
        ("time", "Time"),
        ("string", "String"),
        ("text", "String"),
        ("url", "Uri"),
        ("open-choice", "String"),
    ];
    for (kind, name) in types {
        for (other, of_other) in types {
            let question = json!([{ "linkId": "a", "type": kind }]);
            let beside = json!({ "extension": [{ "url": "http://example.org/a", "valueCode": "unknown" }] });
            let items = json!([{ "linkId": "a", "answer": [{ (format!("_value{of_other}")): beside }] }]);
            let mut report = Report::default();
            let (question, items) = (question.as_array().unwrap(), items.as_array().unwrap().clone());
            validate_level(question, &items, &HashSet::new(), &mut report);
            assert_eq!(report.into_issues().is_empty(), name == of_other, "{kind} {other}");
        }
    }
    let exists = json!([{ "linkId": "b", "enableWhen": [
        { "question": "a", "operator": "exists", "answerBoolean": true },
    ]}]);
    let declined = json!([{ "linkId": "a", "answer": [{ "_valueDate": { "extension": [] } }] }]);
    assert!(is_enabled(&exists[0], declined.as_array().unwrap()), "there is an answer");
}

/// Every operator of `enableWhen`.
#[test]
fn v_03_conditions_hold_as_their_operator_says() {
    let response = json!([
        { "linkId": "a", "answer": [{ "valueInteger": 3 }, { "valueInteger": 5 }] },
        { "linkId": "b", "item": [{ "linkId": "c", "answer": [{ "valueDate": "2026-01-02", "item": [
            { "linkId": "d", "answer": [{ "valueBoolean": true }] },
        ]}]}]},
    ]);
    let holds =
        |condition: Value| is_enabled(&json!({ "enableWhen": [condition] }), response.as_array().unwrap());
    for (question, operator, answer, expected) in [
        ("a", "exists", json!({ "answerBoolean": true }), true),
        ("x", "exists", json!({ "answerBoolean": true }), false),
        ("x", "exists", json!({ "answerBoolean": false }), true),
        ("a", "=", json!({ "answerInteger": 5 }), true),
        ("a", "=", json!({ "answerInteger": 4 }), false),
        ("a", "!=", json!({ "answerInteger": 5 }), false),
        ("a", "!=", json!({ "answerInteger": 4 }), true),
        ("a", ">", json!({ "answerInteger": 4 }), true),
        ("a", ">", json!({ "answerInteger": 5 }), false),
        ("a", ">=", json!({ "answerInteger": 5 }), true),
        ("a", "<", json!({ "answerInteger": 3 }), false),
        ("a", "<=", json!({ "answerInteger": 3 }), true),
        ("c", "<", json!({ "answerDate": "2026-01-03" }), true),
        ("d", "=", json!({ "answerBoolean": true }), true),
        ("d", "=", json!({ "answerString": "true" }), false),
    ] {
        let mut condition = answer.clone();
        condition["question"] = question.into();
        condition["operator"] = operator.into();
        assert_eq!(holds(condition), expected, "{question} {operator} {answer}");
    }
    let two = |behaviour: &str| {
        let when = |answer: i64| json!({ "question": "a", "operator": "=", "answerInteger": answer });
        is_enabled(
            &json!({ "enableWhen": [when(3), when(4)], "enableBehavior": behaviour }),
            response.as_array().unwrap(),
        )
    };
    assert_eq!((two("all"), two("any")), (false, true));
}
