//! `$validate`, and the validation of every write.

use serde_json::Value;

use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::{FhirRequest, Prepared, kind_of, resource_of};
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use domain::account::Permission;
use fhir::outcome::{Issue, IssueType, Severity, operation_outcome};
use fhir::validate;
use store::Tx;

/// Refuses a resource that is not valid. A body that cannot be read as a resource of the type
/// (another type, an unknown element, another JSON type than the element has) is 400, whatever else is wrong
/// with it. One that can be read and violates a rule (of R4, a profile, a form, the domain) is 422.
pub(crate) fn check(body: &Value, kind: ResourceType) -> Result<(), Refusal> {
    if body.get("resourceType").and_then(Value::as_str) != Some(kind.name()) {
        let message = "The resourceType must be the type in the URL.";
        return Err(Refusal::new(400, Issue::error(IssueType::Invalid, message).at("resourceType")));
    }
    let mut issues = issues(body, kind);
    // Some clients show only the first issue: a warning would hide why the request is refused.
    issues.sort_by_key(|issue| issue.severity != Severity::Error);
    let codes: Vec<IssueType> = issues.iter().filter_map(error_code).collect();
    if codes.is_empty() {
        return Ok(());
    }
    Err(Refusal::of(if codes.contains(&IssueType::Structure) { 400 } else { 422 }, issues))
}

fn error_code(issue: &Issue) -> Option<IssueType> {
    (issue.severity == Severity::Error).then_some(issue.code)
}

/// All issues of a resource of this type: of its structure, and of this server's profile.
fn issues(body: &Value, kind: ResourceType) -> Vec<Issue> {
    match kind.profile() {
        Some(profile) => validate::validate_profile(body, profile),
        None => validate::validate(body, kind.name()),
    }
}

/// `$validate` within a transaction: the body was validated before ([`outcome`]).
pub(crate) fn validate(
    _tx: &mut Tx<'_>,
    _context: &Context,
    request: &FhirRequest,
) -> Result<Reply, Refusal> {
    match &request.prepared {
        Prepared::Outcome(outcome) => Ok(Reply::made(200, outcome.clone())),
        Prepared::Nothing | Prepared::Draft(_) | Prepared::Patched(_) => {
            let message = "In a transaction $validate needs a resource in the entry: validate a stored one in a request of its own.";
            Err(Refusal::new(422, Issue::error(IssueType::NotSupported, message)))
        }
    }
}

/// The stored resource to validate, if the request names one.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Option<StoredResource>, Refusal> {
    let kind = kind_of(request)?;
    let Some(id) = &request.target.id else { return Ok(None) };
    let stored = read::find(tx, context, kind, id, Permission::Read)?;
    stored.map(Some).ok_or_else(Refusal::not_found)
}

/// Validates the body, or else `stored`: the result is an outcome, unless there is neither.
pub(crate) fn outcome(request: &FhirRequest, stored: Option<Value>) -> Result<Value, Refusal> {
    let kind = kind_of(request)?;
    let given = resource_of(request).ok();
    let (inner, profile) = match given {
        Some(body) if body.get("resourceType").and_then(Value::as_str) == Some("Parameters") => {
            (part(body, "resource").and_then(|part| part.get("resource")).cloned(), named_profile(body))
        }
        Some(body) => (Some(body.clone()), None),
        None => (None, None),
    };
    let profile = profile.or_else(|| {
        request.params.iter().find(|(name, _)| name == "profile").map(|(_, value)| value.clone())
    });
    let message = "Send the resource as the body, or as the parameter `resource` of a Parameters.";
    let resource = inner.or(stored).ok_or_else(|| Refusal::invalid(message))?;
    let mut issues = if resource.get("resourceType").and_then(Value::as_str) == Some(kind.name()) {
        issues(&resource, kind)
    } else {
        validate::validate(&resource, kind.name())
    };
    if let Some(profile) = profile {
        let known = issues.clone();
        let more = validate::validate_profile(&resource, &profile);
        issues.extend(more.into_iter().filter(|issue| !known.contains(issue)));
    }
    Ok(operation_outcome(&issues))
}

fn part<'v>(parameters: &'v Value, name: &str) -> Option<&'v Value> {
    let parts = parameters.get("parameter")?.as_array()?;
    parts.iter().find(|part| part.get("name").and_then(Value::as_str) == Some(name))
}

fn named_profile(parameters: &Value) -> Option<String> {
    let part = part(parameters, "profile")?;
    let value = part.get("valueUri").or(part.get("valueCanonical"))?;
    value.as_str().map(str::to_owned)
}
