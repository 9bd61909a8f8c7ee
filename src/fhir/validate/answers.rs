//! Validation of a QuestionnaireResponse against the form that it names, where the form is ours (V-03,
//! <https://hl7.org/fhir/R4/questionnaireresponse.html#link>).
//!
//! A response that is completed or amended answers every required question; one in progress may leave them
//! open. An answer to a question that the form does not have, does not ask after the answers given, or has in
//! another place, is a warning: it is kept with the rest.

use std::collections::HashSet;

use serde_json::Value;

use super::binding::canonical_system;
use super::condition;
use super::report::{Object, Path, Report, values_of};
use crate::outcome::IssueType;
use crate::profiles;

/// Validates the answers of a resource, where it is a response to a form of ours.
pub(super) fn check(response: &Object<'_>, report: &mut Report) {
    let form = response.text("questionnaire").and_then(profiles::find_by_url);
    let is_response = response.text("resourceType") == Some("QuestionnaireResponse");
    let Some(form) = form.filter(|form| is_response && form.resource_type == "Questionnaire") else { return };
    let is_complete = match response.text("status") {
        Some("completed" | "amended") => true,
        Some("in-progress") => false,
        Some(_) | None => return,
    };
    let path = response.path.name("item");
    let questions = values_of(&form.resource, "item");
    // Once for each question: its items may repeat as often as the client likes.
    let mut disabled = HashSet::new();
    condition::disabled(questions, response.items("item"), &mut disabled);
    Walk { disabled: &disabled, is_complete }.level(questions, response.items("item"), &path, report);
}

/// Validates the items of a completed response at one level of a form.
#[cfg(test)]
pub(super) fn validate_level(
    questions: &[Value],
    items: &[Value],
    disabled: &HashSet<&str>,
    report: &mut Report,
) {
    Walk { disabled, is_complete: true }.level(questions, items, &Path::root("item"), report);
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn is_true(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

/// A walk through the items of a response.
#[derive(Clone, Copy)]
struct Walk<'v> {
    /// The questions that are not asked after these answers.
    disabled: &'v HashSet<&'v str>,
    /// Whether every required question must be answered.
    is_complete: bool,
}

impl Walk<'_> {
    fn is_disabled(self, question: &Value) -> bool {
        text(question, "linkId").is_some_and(|link_id| self.disabled.contains(link_id))
    }

    /// Validates the items of one level against the questions of that level.
    fn level(self, questions: &[Value], items: &[Value], at: &Path<'_>, report: &mut Report) {
        for question in questions {
            let link_id = text(question, "linkId").unwrap_or_default();
            let count = items.iter().filter(|item| text(item, "linkId") == Some(link_id)).count();
            let is_asked = is_true(question, "required") && !self.disabled.contains(link_id);
            if count == 0 && is_asked && self.is_complete {
                report.error(
                    IssueType::Required,
                    at,
                    format!("Add the item {link_id}: the form requires it."),
                );
            }
            if count > 1 && !is_true(question, "repeats") {
                report.error(
                    IssueType::BusinessRule,
                    at,
                    format!("Give the item {link_id} once: it does not repeat."),
                );
            }
        }
        let mut latest = 0;
        for (index, item) in items.iter().enumerate() {
            let at = at.index(index);
            let is_its = |question: &&Value| text(question, "linkId") == text(item, "linkId");
            let question = questions.iter().enumerate().find(|(_, question)| is_its(question));
            if let Some((place, question)) = question {
                // R4: the questions of a response are ordered as those of its form.
                if place < latest {
                    let words =
                        "The form asks this before what stands above it: the answer is kept where it is.";
                    report.warning(IssueType::Informational, &at.name("linkId"), words);
                }
                latest = latest.max(place);
                // Nothing below it is required either.
                let is_disabled = self.is_disabled(question);
                if is_disabled {
                    let words =
                        "The form does not ask this after these answers: the answer is kept as it is.";
                    report.warning(IssueType::Informational, &at.name("linkId"), words);
                }
                let walk = Self { is_complete: self.is_complete && !is_disabled, ..self };
                walk.one(question, item, &at, report);
            } else {
                let words =
                    "The form has no question of this linkId in this place: the answer is kept as it is.";
                report.warning(IssueType::Informational, &at.name("linkId"), words);
            }
        }
    }

    /// Validates one item against its question.
    fn one(self, question: &Value, item: &Value, at: &Path<'_>, report: &mut Report) {
        let (answers, inner) = (values_of(item, "answer"), values_of(question, "item"));
        let answer_path = at.name("answer");
        if matches!(text(question, "type"), Some("group" | "display")) {
            if !answers.is_empty() {
                report.error(
                    IssueType::BusinessRule,
                    &answer_path,
                    "Remove the answer: this is no question.",
                );
            }
            return self.level(inner, values_of(item, "item"), &at.name("item"), report);
        }
        if answers.is_empty() && is_true(question, "required") && self.is_complete {
            report.error(IssueType::Required, &answer_path, "Answer this question: the form requires it.");
        }
        if answers.len() > 1 && !is_true(question, "repeats") {
            report.error(
                IssueType::BusinessRule,
                &answer_path,
                "Give one answer: this question does not repeat.",
            );
        }
        for (index, answer) in answers.iter().enumerate() {
            let at = answer_path.index(index);
            if let Err((code, words)) = fits(question, answer) {
                report.error(code, &at, words);
            }
            self.level(inner, values_of(answer, "item"), &at.name("item"), report);
        }
    }
}

/// Checks that an answer is of its question's type, length and options.
fn fits(question: &Value, answer: &Value) -> Result<(), (IssueType, String)> {
    let kind = text(question, "type").unwrap_or_default();
    let allowed: &[&str] = match kind {
        "boolean" => &["valueBoolean"],
        "decimal" => &["valueDecimal"],
        "integer" => &["valueInteger"],
        "date" => &["valueDate"],
        "dateTime" => &["valueDateTime"],
        "time" => &["valueTime"],
        "url" => &["valueUri"],
        "choice" => &["valueCoding"],
        "open-choice" => &["valueCoding", "valueString"],
        "attachment" => &["valueAttachment"],
        "reference" => &["valueReference"],
        "quantity" => &["valueQuantity"],
        _ => &["valueString"],
    };
    let Some(value) = allowed.iter().find_map(|name| answer.get(name)) else {
        // An extension replaces a missing value, such as one that is unknown.
        if allowed.iter().any(|name| answer.get(format!("_{name}")).is_some()) {
            return Ok(());
        }
        let words = format!("Answer with {}: the question is of type {kind}.", allowed.join(" or "));
        return Err((IssueType::BusinessRule, words));
    };
    let longest =
        question.get("maxLength").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    if longest.is_some_and(|longest| value.as_str().is_some_and(|text| text.chars().count() > longest)) {
        return Err((
            IssueType::TooLong,
            "Shorten the answer: it is longer than the form allows.".to_owned(),
        ));
    }
    let options = values_of(question, "answerOption");
    let is_option =
        |option: &Value| option.get("valueCoding").is_some_and(|option| is_same_coding(option, value));
    let is_free = options.is_empty() || value.is_string();
    if is_free || options.iter().any(is_option) {
        Ok(())
    } else {
        Err((IssueType::CodeInvalid, "Choose one of the options that the form has.".to_owned()))
    }
}

fn is_same_coding(option: &Value, value: &Value) -> bool {
    let system = |coding| text(coding, "system").map(canonical_system);
    text(option, "code") == text(value, "code") && system(option) == system(value)
}
