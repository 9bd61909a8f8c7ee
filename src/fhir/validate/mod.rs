//! Validation of a document against R4 and against our profiles: every issue at once, each with its FHIRPath
//! expression and a sentence that says what to do (<https://hl7.org/fhir/R4/validation.html>).
//!
//! The typed codec behind the APIs stops at the first fault, checks no patterns, bindings or invariants, and
//! should see valid documents only: this validator runs before it. It is driven by the R4 definitions
//! ([`crate::structure`]) and by the differentials of our own profiles ([`profile`]); only the invariants are
//! code, each named by its key ([`invariant`]). No message quotes a value of the document, which could be
//! personal data.

mod answers;
mod binding;
mod condition;
mod extension;
mod invariant;
mod primitive;
mod profile;
mod reference;
mod report;
#[cfg(test)]
mod tests;
mod walk;

use serde_json::Value;

use crate::outcome::{Issue, IssueType};
pub use crate::structure::Weight;
use crate::structure::r4;
use base::held;
use report::Path;
use walk::Walk;

/// Validates a resource of the expected type against R4, and against those of our profiles that its
/// `meta.profile` names. No issue means that it is valid.
///
/// The document has passed [`base::json::parse`], so its depth is bounded.
pub fn validate(resource: &Value, expected_type: &str) -> Vec<Issue> {
    validate_as(resource, Some(expected_type), None)
}

/// Validates a resource against R4, against those of our profiles that its `meta.profile` names, and against
/// the profile of this canonical URL ([`crate::profiles`]). An unknown profile is an error.
pub fn validate_profile(resource: &Value, profile: &str) -> Vec<Issue> {
    validate_as(resource, None, Some(profile))
}

/// The importance of a member of a resource in R4; the default where R4 does not know it.
pub fn weight(resource_type: &str, member: &str) -> Weight {
    let find = || {
        let node = r4().type_node(resource_type)?;
        // `_status` holds the extensions of `status`.
        let member = node.members.get(member.strip_prefix('_').unwrap_or(member))?;
        Some(node.elements.get(member.element)?.weight)
    };
    find().unwrap_or_default()
}

/// The canonical URL of R4's search parameter of a resource type.
pub fn search_parameter(resource_type: &str, name: &str) -> Option<&'static str> {
    r4().search_parameter(resource_type, name)
}

/// The codes of a value set of R4, each with its system; `None` for one that the definitions do not list.
pub fn value_set(url: &str) -> Option<Vec<(String, String)>> {
    let codes = r4().value_set(url)?;
    Some(codes.pairs().map(|(system, code)| (system.to_owned(), code.to_owned())).collect())
}

fn validate_as(resource: &Value, expected_type: Option<&str>, profile: Option<&str>) -> Vec<Issue> {
    held::check_value(resource);
    let name = resource.get("resourceType").and_then(Value::as_str);
    // A name that R4 does not have is not repeated.
    let known = name.filter(|name| r4().is_resource_type(name));
    if let Some(expected) = expected_type.filter(|expected| known != Some(*expected)) {
        let words = format!("Send a resource whose resourceType is {expected}.");
        return vec![Issue::error(IssueType::Structure, words).at("resourceType")];
    }
    let mut walk = Walk::new(profile);
    walk.resource(resource, &Path::root(known.unwrap_or("Resource")));
    walk.report.into_issues()
}
