//! Our own profiles, enforced by their differentials (V-08, <https://hl7.org/fhir/R4/profiling.html>).
//!
//! The base of a profile (UK Core) adds nothing that can fail except extensible bindings to value sets that
//! are not carried here, so R4 itself and the differential are all that applies.

mod apply;
mod constraint;
mod rule;
mod terminology;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::report::{Object, Path, Report};
use crate::outcome::IssueType;
use crate::profiles;
use constraint::Constraint;
use rule::Rule;

struct Profile {
    type_name: String,
    title: String,
    rules: Rule,
    constraints: Vec<Constraint>,
}

/// A resource and its location.
struct Resource<'a> {
    value: &'a Value,
    object: Object<'a>,
}

static PROFILES: LazyLock<HashMap<&'static str, Profile>> = LazyLock::new(|| {
    let structures = profiles::all().iter().filter(|it| it.resource_type == "StructureDefinition");
    structures.map(|it| (it.url.as_str(), compile(&it.resource))).collect()
});

fn compile(structure: &Value) -> Profile {
    let text = |name| structure.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Profile {
        type_name: text("type"),
        title: text("name"),
        rules: Rule::read(structure),
        constraints: constraint::read(structure),
    }
}

/// Validates an extension, where its definition is ours.
pub(super) fn check_extension(url: &str, extension: &Object<'_>, report: &mut Report) {
    if let Some(profile) = PROFILES.get(url).filter(|profile| profile.type_name == "Extension") {
        apply::apply(&profile.rules, extension, &profile.title, report);
    }
}

/// Validates a resource by the profiles that its `meta.profile` names, and by the one that the caller asks
/// for.
pub(super) fn check(value: &Value, at: &Path<'_>, asked: Option<&str>, report: &mut Report) {
    let Some(members) = value.as_object() else { return };
    let resource = &Resource { value, object: Object { members, path: at } };
    let meta_path = at.name("meta");
    let profile_path = meta_path.name("profile");
    let meta = members.get("meta").and_then(Value::as_object);
    let claimed =
        meta.map(|members| Object { members, path: &meta_path }.items("profile")).unwrap_or_default();
    let mut has_asked = false;
    for (index, url) in claimed.iter().enumerate() {
        let Some(url) = url.as_str() else { continue };
        has_asked |= asked == Some(without_version(url));
        if !is_checked(url, resource, report) {
            let words = "This service does not know this profile: the resource was not checked against it.";
            report.warning(IssueType::NotSupported, &profile_path.index(index), words);
        }
    }
    if let Some(url) = asked.filter(|_| !has_asked)
        && !is_checked(url, resource, report)
    {
        let words =
            "Ask for a profile of this resource type that this service knows: see its StructureDefinitions.";
        report.error(IssueType::NotSupported, at, words);
    }
}

fn without_version(url: &str) -> &str {
    url.split_once('|').map_or(url, |(url, _)| url)
}

/// Validates by one profile; false where there is none of this URL for this type.
fn is_checked(url: &str, resource: &Resource<'_>, report: &mut Report) -> bool {
    let type_name = resource.object.text("resourceType").unwrap_or_default();
    let base = url.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
    if base.is_some_and(|base| without_version(base) == type_name) {
        return true;
    }
    let profile = profiles::find_by_url(url).and_then(|it| PROFILES.get(it.url.as_str()));
    let Some(profile) = profile.filter(|profile| profile.type_name == type_name) else { return false };
    apply::apply(&profile.rules, &resource.object, &profile.title, report);
    let at = resource.object.path.to_string();
    constraint::check(&profile.constraints, resource.value, &at, report);
    true
}
