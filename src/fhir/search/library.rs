//! Searches the compiled-in definitions: a few dozen documents, looked at one by one.

use serde_json::Value;

use crate::date_time::{FhirDateTime, to_millis};
use crate::fhir::context::Context;
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::{ResourceType, library_of};
use crate::fhir::search::date::{self, Prefix};
use crate::fhir::search::param::{Index, Param, ParamType};
use crate::fhir::search::query::alternatives;
use crate::fhir::search::token::Token;
use crate::fhir::search::uri::is_below;
use crate::store::fold;

const ID: Param = Param::token("_id", Index::Element(&["id"]));
const LAST_UPDATED: Param = Param::date("_lastUpdated", Index::Element(&["meta", "lastUpdated"]));
const PROFILE: Param = Param::uri("_profile", Index::Element(&["meta", "profile"]));
const TAG: Param = Param::token("_tag", Index::Element(&["meta", "tag"]));
const SECURITY: Param = Param::token("_security", Index::Element(&["meta", "security"]));
const SOURCE: Param = Param::uri("_source", Index::Element(&["meta", "source"]));

/// The ids of the definitions that match, in order. The criteria were understood before.
pub(super) fn find(
    kind: ResourceType,
    criteria: &[(String, String)],
    context: &Context,
) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    for stored in library_of(kind) {
        let mut is_match = true;
        for (key, value) in criteria {
            is_match = is_match && matches(kind, key, value, &stored.body, context)?;
        }
        if is_match {
            found.push(stored.id);
        }
    }
    Ok(found)
}

fn matches(
    kind: ResourceType,
    key: &str,
    value: &str,
    body: &Value,
    context: &Context,
) -> Result<bool, Refusal> {
    let (name, modifier) = key.split_once(':').map_or((key, None), |(name, modifier)| (name, Some(modifier)));
    let common = [ID, LAST_UPDATED, PROFILE, TAG, SECURITY, SOURCE];
    let param = common.iter().find(|param| param.name == name).or_else(|| Param::find(kind, name));
    let Some(Param { index: Index::Element(path), kind, .. }) = param else {
        // The model holds no such element: it is missing, and matches nothing.
        return Ok(modifier == Some("missing") && value == "true" || modifier == Some("not"));
    };
    let values = values(body, path);
    if modifier == Some("missing") {
        return Ok(values.is_empty() == (value == "true"));
    }
    let is_negative = modifier == Some("not");
    for alternative in alternatives(value) {
        let mut any = false;
        for element in &values {
            any = any || one(*kind, modifier, &alternative, element, context)?;
        }
        if any {
            return Ok(!is_negative);
        }
    }
    Ok(is_negative)
}

/// The values at a path, through every array on the way; a group's own items count as well.
fn values<'v>(value: &'v Value, path: &[&str]) -> Vec<&'v Value> {
    if let Some(items) = value.as_array() {
        return items.iter().flat_map(|item| values(item, path)).collect();
    }
    let Some((name, rest)) = path.split_first() else { return vec![value] };
    let mut found = value.get(name).map(|inner| values(inner, rest)).unwrap_or_default();
    // Items of a Questionnaire and concepts of a CodeSystem nest.
    if matches!(*name, "code" | "definition") {
        for nested in ["item", "concept"] {
            found.extend(value.get(nested).map(|inner| values(inner, path)).unwrap_or_default());
        }
    }
    found
}

fn one(
    kind: ParamType,
    modifier: Option<&str>,
    wanted: &str,
    element: &Value,
    context: &Context,
) -> Result<bool, Refusal> {
    Ok(match kind {
        ParamType::Token => has_token(element, &Token::parse(wanted), modifier),
        ParamType::Uri => element.as_str().is_some_and(|uri| match modifier {
            Some("below") => is_below(uri, wanted),
            Some("above") => is_below(wanted, uri),
            _ => uri == wanted || wanted.split_once('|').is_some_and(|(start, _)| start == uri),
        }),
        ParamType::String => element.as_str().is_some_and(|text| match modifier {
            Some("exact") => text == wanted,
            Some("contains") => fold(text).contains(&fold(wanted)),
            _ => fold(text).starts_with(&fold(wanted)),
        }),
        ParamType::Date => {
            let (prefix, low, high) = date::parse(wanted, context)?;
            range(element).is_some_and(|(from, to)| lies(prefix, (from, to), (low, high)))
        }
        ParamType::Reference => false,
    })
}

fn has_token(element: &Value, token: &Token, modifier: Option<&str>) -> bool {
    if modifier == Some("text") {
        let words = |key: &str| element.get(key).and_then(Value::as_str).unwrap_or_default();
        let wanted = token.code.as_deref().map(fold).unwrap_or_default();
        return ["text", "display"].iter().any(|key| fold(words(key)).starts_with(&wanted));
    }
    let text = |key: &str| element.get(key).and_then(Value::as_str);
    match element {
        Value::String(code) => token.system.is_none() && token.code.as_deref() == Some(code),
        Value::Bool(truth) => token.code.as_deref() == Some(if *truth { "true" } else { "false" }),
        Value::Object(members) => {
            if let Some(codings) = members.get("coding").and_then(Value::as_array) {
                return codings.iter().any(|coding| has_token(coding, token, modifier));
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
