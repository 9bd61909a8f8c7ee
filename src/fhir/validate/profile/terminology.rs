//! The codes of our own value sets (<https://hl7.org/fhir/R4/valueset.html#compose>).

use serde_json::Value;

use super::super::binding::canonical_system;
use super::super::report::values_of;
use crate::profiles;
use crate::structure::ValueSetCodes;

/// The codes of a value set; `None` where it is not ours, or names a system whose codes are not.
pub(super) fn expand(url: &str) -> Option<ValueSetCodes> {
    let compose = profiles::find_by_url(url)?.resource.get("compose")?;
    values_of(compose, "include")
        .iter()
        .map(include)
        .collect::<Option<Vec<_>>>()
        .map(ValueSetCodes::from_iter)
}

fn include(include: &Value) -> Option<(String, Vec<String>)> {
    let system = include.get("system").and_then(Value::as_str)?;
    let listed = values_of(include, "concept");
    let concepts = if listed.is_empty() {
        values_of(&profiles::find_by_url(system)?.resource, "concept")
    } else {
        listed
    };
    let codes = concepts.iter().filter_map(|concept| concept.get("code")?.as_str()).map(str::to_owned);
    Some((canonical_system(system).into_owned(), codes.collect()))
}
