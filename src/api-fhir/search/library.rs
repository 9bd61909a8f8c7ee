//! Searches the compiled-in definitions: a few dozen documents, scanned one by one.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::library_of;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::search::date;
use crate::search::date::Prefix;
use crate::search::filter::criterion::param_of;
use crate::search::param::{Param, ParamType, SearchTarget};
use crate::search::quantity::Wanted;
use crate::search::query::alternatives;
use crate::search::token;
use crate::search::token::TokenValue;
use crate::search::uri;
use base::date_time::{FhirDateTime, to_millis};
use fhir::expansion;
use store::normalize;

/// The matching definitions, in order; equal ones are ordered by id. The criteria were validated before.
pub(super) fn find(
    kind: ResourceType,
    criteria: &[(String, String)],
    order: &[(Param, bool)],
    context: &Context,
) -> Result<Vec<&'static StoredResource>, Refusal> {
    let mut found = Vec::new();
    for stored in library_of(kind) {
        let mut is_match = true;
        for (key, value) in criteria {
            is_match = is_match && matches(kind, key, value, &stored.body.tree(), context)?;
        }
        if is_match {
            found.push(stored);
        }
    }
    found.sort_by(|one, other| compare(order, &one.body.tree(), &other.body.tree()));
    Ok(found)
}

/// The order of two definitions; one without a value comes first.
fn compare(order: &[(Param, bool)], one: &Value, other: &Value) -> Ordering {
    let first = |param: &Param, body| {
        let elements = elements(param, body);
        elements.first().and_then(|element| element.as_str().map(normalize))
    };
    let by = |(param, is_descending): &(Param, bool)| {
        let ascending = first(param, one).cmp(&first(param, other));
        if *is_descending { ascending.reverse() } else { ascending }
    };
    order.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

fn matches(
    kind: ResourceType,
    key: &str,
    value: &str,
    body: &Value,
    context: &Context,
) -> Result<bool, Refusal> {
    let (name, modifier) = key.split_once(':').map_or((key, None), |(name, modifier)| (name, Some(modifier)));
    let Some(param) = param_of(kind, name) else { return Ok(false) };
    let elements = elements(&param, body);
    if modifier == Some("missing") {
        return Ok(elements.is_empty() == (value == "true"));
    }
    let is_negative = matches!(modifier, Some("not" | "not-in"));
    for wanted in alternatives(value) {
        for element in &elements {
            if is_one(&param, modifier, &wanted, element, context)? {
                return Ok(!is_negative);
            }
        }
    }
    Ok(is_negative)
}

/// The values of a definition for a parameter.
fn elements<'v>(param: &Param, body: &'v Value) -> Vec<Cow<'v, Value>> {
    if let SearchTarget::Element(path) | SearchTarget::Composite(path, _) = param.target {
        return values(body, path).into_iter().map(Cow::Borrowed).collect();
    }
    let is_codes = matches!(param.target, SearchTarget::Codes);
    if is_codes { codings(body).into_iter().map(Cow::Owned).collect() } else { Vec::new() }
}

/// The codes of a CodeSystem, or of an expanded ValueSet.
fn codings(body: &Value) -> Vec<Value> {
    let url = body.get("url").and_then(Value::as_str).unwrap_or_default();
    let coding = |system: &str, code: &str| json!({ "system": system, "code": code });
    let expanded = expansion::codes_of(url).unwrap_or_default();
    let expanded = expanded.iter().map(|(system, code)| coding(system, code));
    let own = values(body, &["concept", "code"]).into_iter().filter_map(Value::as_str);
    expanded.chain(own.map(|code| coding(url, code))).collect()
}

/// The values at a path, through every array of it; items of a group count too.
fn values<'v>(value: &'v Value, path: &[&str]) -> Vec<&'v Value> {
    if let Some(items) = value.as_array() {
        return items.iter().flat_map(|item| values(item, path)).collect();
    }
    let Some((name, rest)) = path.split_first() else { return vec![value] };
    let inner = name.split('|').filter_map(|name| value.get(name));
    let mut found: Vec<&Value> = inner.flat_map(|inner| values(inner, rest)).collect();
    // Items of a Questionnaire and concepts of a CodeSystem nest.
    if matches!(*name, "code" | "definition") {
        for nested in ["item", "concept"] {
            found.extend(value.get(nested).map(|inner| values(inner, path)).unwrap_or_default());
        }
    }
    found
}

fn is_one(
    param: &Param,
    modifier: Option<&str>,
    wanted: &str,
    element: &Value,
    context: &Context,
) -> Result<bool, Refusal> {
    let text = element.as_str();
    Ok(match param.kind {
        ParamType::Token if matches!(modifier, Some("in" | "not-in")) => {
            token::codes_of(wanted, context)?.into_iter().any(|(system, code)| {
                // A code without a system has the system that R4 gives the element.
                let system = Some(system).filter(|_| text.is_none());
                has_token(element, &TokenValue { system, code: Some(code) })
            })
        }
        ParamType::Token if modifier == Some("text") => has_words(element, wanted),
        ParamType::Token => has_token(element, &TokenValue::parse(wanted)),
        ParamType::Uri | ParamType::Reference => text.is_some_and(|uri| uri::matches(modifier, uri, wanted)),
        ParamType::String => text.is_some_and(|text| match modifier {
            Some("exact") => text == wanted,
            Some("contains") => normalize(text).contains(&normalize(wanted)),
            _ => normalize(text).starts_with(&normalize(wanted)),
        }),
        ParamType::Date => {
            let (prefix, low, high) = date::parse(wanted, context)?;
            range(element).is_some_and(|(from, to)| lies(prefix, (from, to), (low, high)))
        }
        ParamType::Quantity => Wanted::parse(wanted)?.matches(element),
        ParamType::Composite => has_all(param, wanted, element, context)?,
    })
}

/// Whether one element has a value for every part (S-27).
fn has_all(param: &Param, wanted: &str, element: &Value, context: &Context) -> Result<bool, Refusal> {
    let SearchTarget::Composite(_, parts) = param.target else { return Ok(false) };
    for (part, wanted) in parts.iter().zip(token::split(wanted, '$')) {
        let mut has_part = false;
        for value in elements(part, element) {
            has_part = has_part || is_one(part, None, &wanted, &value, context)?;
        }
        if !has_part {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the text for people matches.
fn has_words(element: &Value, wanted: &str) -> bool {
    let begins = |element: &Value, key: &str| {
        let words = element.get(key).and_then(Value::as_str);
        words.is_some_and(|words| normalize(words).starts_with(&normalize(wanted)))
    };
    let codings = element.get("coding").and_then(Value::as_array).into_iter().flatten();
    begins(element, "text") || begins(element, "display") || { codings }
        .any(|coding| begins(coding, "display"))
}

fn has_token(element: &Value, token: &TokenValue) -> bool {
    let text = |key: &str| element.get(key).and_then(Value::as_str);
    match element {
        Value::String(code) => token.system.is_none() && token.code.as_deref() == Some(code),
        Value::Bool(truth) => token.code.as_deref() == Some(if *truth { "true" } else { "false" }),
        Value::Object(members) => {
            if let Some(codings) = members.get("coding").and_then(Value::as_array) {
                return codings.iter().any(|coding| has_token(coding, token));
            }
            let code = text("code").or(text("value")).unwrap_or_default();
            token.matches(text("system").unwrap_or_default(), code)
        }
        Value::Null | Value::Number(_) | Value::Array(_) => false,
    }
}

fn range(element: &Value) -> Option<(i64, i64)> {
    let date = |text: &str| FhirDateTime::parse(text).ok();
    if let Some(text) = element.as_str() {
        return date(text).map(|date| (to_millis(date.earliest()), to_millis(date.latest())));
    }
    let bound = |key: &str| element.get(key).and_then(Value::as_str).and_then(date);
    let from = bound("start").map_or(i64::MIN, |date| to_millis(date.earliest()));
    let to = bound("end").map_or(i64::MAX, |date| to_millis(date.latest()));
    element.is_object().then_some((from, to))
}

fn lies(prefix: Prefix, (from, to): (i64, i64), (low, high): (i64, i64)) -> bool {
    match prefix {
        Prefix::Eq => from >= low && to <= high,
        Prefix::Ne => from < low || to > high,
        Prefix::Gt => to > high,
        Prefix::Lt => from < low,
        Prefix::Ge => to >= low,
        Prefix::Le => from <= high,
        Prefix::Sa => from > high,
        Prefix::Eb => to < low,
        Prefix::Ap => from <= high && to >= low,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::matches;
    use crate::context::Context;
    use crate::resource::resource_type::ResourceType;
    use base::clock::SystemClock;
    use config::Sources;
    use domain::account::Caller;
    use service::policy::DisclosurePolicy;

    // covers S-26, S-27
    #[test]
    fn composite_parameter_matches_one_element_with_every_component() {
        let context = Context {
            caller: Caller::SERVICE,
            clock: Arc::new(SystemClock),
            status_for_other_patient: 404,
            contract: Sources::default().load().expect("the settings are right").contract,
            disclosure: DisclosurePolicy::EVERYTHING,
            base: String::new(),
            is_strict: true,
            subscribing: None,
            budget: store::Budget::of_entries(0),
            holds_writer: false,
        };
        let types = "http://terminology.hl7.org/CodeSystem/usage-context-type";
        let form = json!({ "resourceType": "Questionnaire", "useContext": [
            {
                "code": { "system": types, "code": "age" },
                "valueRange": { "low": { "value": 11, "code": "a" }, "high": { "value": 15, "code": "a" } },
            },
            {
                "code": { "system": types, "code": "focus" },
                "valueCodeableConcept": { "coding": [{ "system": "http://snomed.info/sct", "code": "1|2" }] },
            },
            { "code": { "system": types, "code": "user" }, "valueQuantity": { "value": 3, "unit": "people" } },
        ]});
        for (key, value, is_found) in [
            ("context-quantity", "3", true),
            ("context-quantity", "3||people", true),
            ("context-quantity", "ap12||a", true),
            ("context-quantity", "gt15", false),
            ("context-quantity:missing", "false", true),
            ("context-type-quantity", "age$gt14", true),
            ("context-type-quantity", &format!("{types}|age$sa10||a"), true),
            ("context-type-quantity", "age$3", false),
            ("context-type-quantity", "user$3,age$3", true),
            ("context-type-quantity", "focus$ge0", false),
            ("context-type-value", r"focus$http://snomed.info/sct|1\|2", true),
            ("context-type-value", "focus$http://snomed.info/sct|", true),
            ("context-type-value", r"age$http://snomed.info/sct|1\|2", false),
            ("context-type-value", "focus$http://elsewhere.example|", false),
            ("context", "http://snomed.info/sct|", true),
            ("context-type", "user", true),
        ] {
            let found = matches(ResourceType::Questionnaire, key, value, &form, &context);
            assert_eq!(found, Ok(is_found), "{key}={value}");
        }
    }
}
