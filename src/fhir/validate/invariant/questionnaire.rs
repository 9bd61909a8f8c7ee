//! Invariants of Questionnaire and QuestionnaireResponse (V-03, V-04,
//! <https://hl7.org/fhir/R4/questionnaire.html#invs>).

use serde_json::Value;

use super::super::report::{Object, Report};
use super::text::{are_distinct, machine_name, text};
use crate::outcome::IssueType;
use crate::validate::report::values_of;

pub(super) fn questionnaire(it: &Object<'_>, report: &mut Report) {
    machine_name(it, "que-0", report);
    let mut link_ids = Vec::new();
    it.items("item").iter().for_each(|item| collect(item, &mut link_ids));
    let words = "Give every item a linkId of its own.";
    report.demand(are_distinct(link_ids), "que-2", it.path, words);
}

fn collect<'v>(item: &'v Value, link_ids: &mut Vec<&'v str>) {
    link_ids.extend(text(item, "linkId"));
    for item in values_of(item, "item") {
        collect(item, link_ids);
    }
}

/// The types of question that que-5 allows an answer list for.
const CHOOSABLE: [&str; 9] =
    ["choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string", "quantity"];
/// The types of question that que-10 allows a maxLength for.
const LIMITABLE: [&str; 7] = ["boolean", "decimal", "integer", "string", "text", "url", "open-choice"];

pub(super) fn item(it: &Object<'_>, report: &mut Report) {
    let kind = it.text("type").unwrap_or_default();
    let (is_group, is_display) = (kind == "group", kind == "display");
    let is_nested_well = (!is_group || it.has("item")) && (!is_display || !it.has("item"));
    let options = it.has("answerOption");
    let is_plain = !it.has("required") && !it.has("repeats");
    let repeats = it.get("repeats").and_then(Value::as_bool) == Some(true);
    let conditions = it.items("enableWhen").len();
    for (holds, key, words) in [
        (is_nested_well, "que-1", "Give a group items, and a display none."),
        (!is_display || !it.has("code"), "que-3", "Remove the code: a display has none."),
        (!options || !it.has("answerValueSet"), "que-4", "Give answerOption or answerValueSet, not both."),
        (
            CHOOSABLE.contains(&kind) || (!options && !it.has("answerValueSet")),
            "que-5",
            "Remove the answer list, or make it a choice.",
        ),
        (!is_display || is_plain, "que-6", "Remove required and repeats: a display has neither."),
        (
            (!is_group && !is_display) || !it.has("initial"),
            "que-8",
            "Remove initial: groups and displays have none.",
        ),
        (!is_display || !it.has("readOnly"), "que-9", "Remove readOnly: a display has none."),
        (
            LIMITABLE.contains(&kind) || !it.has("maxLength"),
            "que-10",
            "Remove maxLength: this type of question has none.",
        ),
        (
            !options || !it.has("initial"),
            "que-11",
            "Mark the option as initialSelected instead of giving initial.",
        ),
        (
            conditions <= 2 || it.has("enableBehavior"),
            "que-12",
            "Add enableBehavior: there is more than one enableWhen.",
        ),
        (
            repeats || it.items("initial").len() <= 1,
            "que-13",
            "Give one initial value, or let the item repeat.",
        ),
    ] {
        report.demand(holds, key, it.path, words);
    }
    // The text of que-12 says "more than one", its expression "more than two".
    if conditions == 2 && !it.has("enableBehavior") {
        let words = "que-12: Add enableBehavior: there is more than one enableWhen.";
        report.warning(IssueType::Invariant, it.path, words);
    }
}

pub(super) fn enable_when(it: &Object<'_>, report: &mut Report) {
    let holds = it.text("operator") != Some("exists") || it.has("answerBoolean");
    report.demand(holds, "que-7", it.path, "Give answerBoolean: the operator is exists.");
}

pub(super) fn response_item(it: &Object<'_>, report: &mut Report) {
    let holds = !it.has("answer") || !it.has("item");
    report.demand(holds, "qrs-1", it.path, "Nest items below the item or below its answer, not both.");
}
