//! Conditions of a form's questions: `enableWhen`
//! (<https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen>).

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::Value;

use super::binding::canonical_system;
use super::report::values_of;

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// Finds the questions, by their linkIds, whose conditions do not hold for the answers of a response.
pub(super) fn disabled<'v>(questions: &'v [Value], response: &[Value], found: &mut HashSet<&'v str>) {
    for question in questions {
        if !is_enabled(question, response) {
            found.extend(text(question, "linkId"));
        }
        disabled(values_of(question, "item"), response, found);
    }
}

/// Whether the conditions of a question hold for the answers of a response. A question without conditions is
/// always asked.
pub(super) fn is_enabled(question: &Value, response: &[Value]) -> bool {
    let conditions = values_of(question, "enableWhen");
    let is_met = |condition: &Value| is_met(condition, response);
    match text(question, "enableBehavior") {
        Some("any") => conditions.is_empty() || conditions.iter().any(is_met),
        Some(_) | None => conditions.iter().all(is_met),
    }
}

fn is_met(condition: &Value, response: &[Value]) -> bool {
    let mut answers = Vec::new();
    collect(text(condition, "question").unwrap_or_default(), response, &mut answers);
    let expected = member(condition, "answer");
    let operator = text(condition, "operator").unwrap_or_default();
    if operator == "exists" {
        return expected.and_then(Value::as_bool) == Some(!answers.is_empty());
    }
    let Some(expected) = expected else { return false };
    let values = answers.into_iter().filter_map(|answer| member(answer, "value"));
    let compared: Vec<Option<Ordering>> = values.map(|value| compare(value, expected)).collect();
    let has = |wanted: &[Ordering]| compared.iter().flatten().any(|ordering| wanted.contains(ordering));
    match operator {
        "=" => has(&[Ordering::Equal]),
        "!=" => !has(&[Ordering::Equal]),
        ">" => has(&[Ordering::Greater]),
        "<" => has(&[Ordering::Less]),
        ">=" => has(&[Ordering::Greater, Ordering::Equal]),
        "<=" => has(&[Ordering::Less, Ordering::Equal]),
        _ => false,
    }
}

/// Every answer to a question, anywhere in the response, also one that is only an extension.
fn collect<'v>(link_id: &str, items: &'v [Value], found: &mut Vec<&'v Value>) {
    for item in items {
        let answers = values_of(item, "answer");
        if text(item, "linkId") == Some(link_id) {
            found.extend(
                answers.iter().filter(|answer| has_member(answer, "value") || has_member(answer, "_value")),
            );
        }
        collect(link_id, values_of(item, "item"), found);
        for answer in answers {
            collect(link_id, values_of(answer, "item"), found);
        }
    }
}

fn has_member(value: &Value, name: &str) -> bool {
    member(value, name).is_some()
}

/// The value of a choice element.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(key, _)| key.starts_with(name)).map(|(_, value)| value)
}

/// The order of two values; `None` where they cannot be compared. Dates and times of R4 sort as texts.
fn compare(answer: &Value, expected: &Value) -> Option<Ordering> {
    match (answer, expected) {
        (Value::Number(answer), Value::Number(expected)) => answer.as_f64()?.partial_cmp(&expected.as_f64()?),
        (Value::String(answer), Value::String(expected)) => Some(answer.cmp(expected)),
        (Value::Object(_), Value::Object(_)) => {
            let coding = |value| (text(value, "system").map(canonical_system), text(value, "code"));
            (coding(answer) == coding(expected)).then_some(Ordering::Equal)
        }
        (_, _) => (answer == expected).then_some(Ordering::Equal),
    }
}
