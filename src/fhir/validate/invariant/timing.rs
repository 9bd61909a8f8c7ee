//! Invariants of Timing and `TriggerDefinition` (<https://hl7.org/fhir/R4/datatypes.html#timing>).

use serde_json::Value;

use super::super::report::{Object, Report};

pub(super) fn repeat(it: &Object<'_>, report: &mut Report) {
    let needs = |name, other| !it.has(name) || it.has(other);
    let is_negative = |name| it.get(name).and_then(Value::as_f64).is_some_and(|value| value < 0.0);
    let at_meal =
        || it.items("when").iter().any(|when| matches!(when.as_str(), Some("C" | "CM" | "CD" | "CV")));
    let offset = !it.has("offset") || (it.has("when") && !at_meal());
    for (holds, key, words) in [
        (needs("duration", "durationUnit"), "tim-1", "Add the durationUnit."),
        (needs("period", "periodUnit"), "tim-2", "Add the periodUnit."),
        (!is_negative("duration"), "tim-4", "Give a duration that is not negative."),
        (!is_negative("period"), "tim-5", "Give a period that is not negative."),
        (needs("periodMax", "period"), "tim-6", "Add the period that periodMax belongs to."),
        (needs("durationMax", "duration"), "tim-7", "Add the duration that durationMax belongs to."),
        (needs("countMax", "count"), "tim-8", "Add the count that countMax belongs to."),
        (offset, "tim-9", "Give an offset together with a when that is not C, CM, CD or CV."),
        (!it.has("timeOfDay") || !it.has("when"), "tim-10", "Give timeOfDay or when, not both."),
    ] {
        report.demand(holds, key, it.path, words);
    }
}

pub(super) fn trigger(it: &Object<'_>, report: &mut Report) {
    let timing = it.has_choice("timing");
    let is_fit = match it.text("type") {
        Some("named-event") => it.has("name"),
        Some("periodic") => timing,
        Some(kind) if kind.starts_with("data-") => it.has("data"),
        Some(_) | None => true,
    };
    report.demand(!it.has("data") || !timing, "trd-1", it.path, "Give timing or data, not both.");
    report.demand(
        !it.has("condition") || it.has("data"),
        "trd-2",
        it.path,
        "Give a condition only with data.",
    );
    report.demand(is_fit, "trd-3", it.path, "Add what this type of trigger needs: name, timing or data.");
}
