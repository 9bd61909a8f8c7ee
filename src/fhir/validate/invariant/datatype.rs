//! Invariants of the datatypes (<https://hl7.org/fhir/R4/datatypes.html>).

use serde_json::Value;

use super::super::report::{Object, Report, is_absolute};
use crate::outcome::IssueType;
use base::date_time::FhirDateTime;

const UCUM: &str = "http://unitsofmeasure.org";

pub(super) fn extension(it: &Object<'_>, report: &mut Report) {
    let holds = it.has("extension") != it.has_choice("value");
    report.demand(holds, "ext-1", it.path, "Give this extension a value or extensions of its own, not both.");
}

/// The system of an Identifier names a namespace wherever the resource goes: a relative URI does not.
pub(super) fn identifier(it: &Object<'_>, report: &mut Report) {
    if it.text("system").is_some_and(|system| !is_absolute(system)) {
        report.error(IssueType::Value, &it.path.name("system"), "Give the system as an absolute URI.");
    }
}

pub(super) fn period(it: &Object<'_>, report: &mut Report) {
    let bound = |name| it.text(name).and_then(|text| FhirDateTime::parse(text).ok());
    let holds = match (bound("start"), bound("end")) {
        (Some(start), Some(end)) => start.earliest() <= end.latest(),
        (None, _) | (_, None) => true,
    };
    report.demand(holds, "per-1", it.path, "Let the period end after it starts.");
}

pub(super) fn attachment(it: &Object<'_>, report: &mut Report) {
    let holds = !it.has("data") || it.has("contentType");
    report.demand(holds, "att-1", it.path, "Add the contentType of the data.");
}

pub(super) fn quantity(it: &Object<'_>, report: &mut Report) {
    let holds = !it.has("code") || it.has("system");
    report.demand(holds, "qty-3", it.path, "Add the system of the unit's code.");
}

/// What age-1, cnt-3 and dis-1 share.
fn unit_is_ucum(it: &Object<'_>) -> bool {
    (it.has("code") || !it.has("value")) && it.text("system").is_none_or(|system| system == UCUM)
}

pub(super) fn age(it: &Object<'_>, report: &mut Report) {
    quantity(it, report);
    let is_positive = it.get("value").and_then(Value::as_f64).is_none_or(|value| value > 0.0);
    report.demand(
        unit_is_ucum(it) && is_positive,
        "age-1",
        it.path,
        "Give a positive age with a UCUM code of time.",
    );
}

pub(super) fn count(it: &Object<'_>, report: &mut Report) {
    quantity(it, report);
    let is_whole = match it.get("value") {
        Some(Value::Number(number)) => !number.as_str().contains('.'),
        _ => true,
    };
    let is_one = it.text("code").is_none_or(|code| code == "1");
    report.demand(
        unit_is_ucum(it) && is_whole && is_one,
        "cnt-3",
        it.path,
        "Give a whole number with the UCUM code 1.",
    );
}

pub(super) fn distance(it: &Object<'_>, report: &mut Report) {
    quantity(it, report);
    report.demand(unit_is_ucum(it), "dis-1", it.path, "Give the distance a UCUM code of length.");
}

pub(super) fn duration(it: &Object<'_>, report: &mut Report) {
    quantity(it, report);
    let holds = !it.has("code") || (it.text("system") == Some(UCUM) && it.has("value"));
    report.demand(holds, "drt-1", it.path, "Give the duration a value with a UCUM code of time.");
}

pub(super) fn range(it: &Object<'_>, report: &mut Report) {
    let part = |name: &str, part: &str| it.get(name).and_then(|bound| bound.get(part));
    let is_same_unit =
        part("low", "code") == part("high", "code") && part("low", "unit") == part("high", "unit");
    let value = |name| part(name, "value").and_then(Value::as_f64);
    let holds = match (value("low"), value("high")) {
        (Some(low), Some(high)) if is_same_unit => low <= high,
        (_, _) => true,
    };
    report.demand(holds, "rng-2", it.path, "Let low be no more than high.");
}

pub(super) fn ratio(it: &Object<'_>, report: &mut Report) {
    let holds = it.has("numerator") == it.has("denominator") && (it.has("numerator") || it.has("extension"));
    report.demand(holds, "rat-1", it.path, "Give numerator and denominator, both of them.");
}

pub(super) fn contact_point(it: &Object<'_>, report: &mut Report) {
    let holds = !it.has("value") || it.has("system");
    report.demand(holds, "cpt-2", it.path, "Add the system of the contact point, such as phone or email.");
}

pub(super) fn expression(it: &Object<'_>, report: &mut Report) {
    let holds = it.has("expression") || it.has("reference");
    report.demand(holds, "exp-1", it.path, "Add an expression or a reference.");
}

pub(super) fn code_filter(it: &Object<'_>, report: &mut Report) {
    filter(it, "drq-1", report);
}

pub(super) fn date_filter(it: &Object<'_>, report: &mut Report) {
    filter(it, "drq-2", report);
}

fn filter(it: &Object<'_>, key: &str, report: &mut Report) {
    let holds = it.has("path") != it.has("searchParam");
    report.demand(holds, key, it.path, "Give a path or a searchParam, not both.");
}
