//! References between the entries of a transaction (B-04): a fullUrl becomes the URL of what was made, a
//! conditional reference the one resource that it finds.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fhir::context::Context;
use crate::fhir::interaction::conditional::{self, Match};
use crate::fhir::outcome::{Issue, IssueType};
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::ResourceType;
use crate::store::Tx;

/// A canonical names a definition, not a resource, whatever stands in it. The URL of an extension is one
/// in all but its type.
fn is_canonical(member: &str) -> bool {
    matches!(member, "questionnaire" | "instantiatesCanonical" | "profile" | "url" | "valueCanonical")
}

/// Whether a value refers to one of these names.
pub(super) fn refers_to(value: &Value, names: &[&str]) -> bool {
    match value {
        Value::String(text) => {
            let links = |name: &&str| text.contains(&format!("=\"{name}\""));
            names.contains(&text.as_str()) || names.iter().any(links)
        }
        Value::Array(items) => items.iter().any(|item| refers_to(item, names)),
        Value::Object(members) => {
            members.iter().any(|(key, member)| !is_canonical(key) && refers_to(member, names))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Puts what was made in the place of its name, wherever an element is a reference or a URI; a canonical
/// stays.
pub(super) fn rewrite(value: &mut Value, made: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(url) = made.get(text.as_str()) {
                text.clone_from(url);
            } else if text.contains("href=\"") || text.contains("src=\"") {
                for (name, url) in made {
                    *text = text.replace(&format!("=\"{name}\""), &format!("=\"{url}\""));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, made)),
        Value::Object(members) => {
            for (key, member) in members {
                if !is_canonical(key) {
                    rewrite(member, made);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Finds what conditional references mean: `Patient?identifier=…`. None, or more than one, fails the
/// transaction.
pub(super) fn resolve_conditional(
    tx: &mut Tx<'_>,
    context: &Context,
    value: &mut Value,
) -> Result<(), Refusal> {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("reference")
                && let Some((kind, query)) = reference.split_once('?')
                && let Some(kind) = ResourceType::parse(kind)
            {
                let told = "A conditional reference must find exactly one resource.";
                let refuse = || Refusal::new(412, Issue::error(IssueType::NotFound, told));
                match conditional::find(tx, context, kind, &conditional::pairs(query))? {
                    Match::One(found) => *reference = format!("{}/{}", kind.name(), found.id),
                    Match::None | Match::Many => return Err(refuse()),
                }
            }
            for member in members.values_mut() {
                resolve_conditional(tx, context, member)?;
            }
            Ok(())
        }
        Value::Array(items) => {
            for item in items {
                resolve_conditional(tx, context, item)?;
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
