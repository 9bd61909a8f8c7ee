//! The inputs of the operations on subscriptions, and their output.

use serde_json::{Value, json};

use crate::context::Context;
use crate::interaction::read;
use crate::interaction::request::{Body, FhirRequest, instance};
use crate::refusal::Refusal;
use crate::resource::subscription;
use crate::search::caps::List;
use domain::event::Subscription;
use domain::proxy::Versioned;
use fhir::outcome::{Issue, IssueType};
use store::Tx;

/// The subscription of an operation: the caller's own, with the permission that the operation needs.
pub(super) fn owned(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Versioned<Subscription>, Refusal> {
    let (kind, id) = instance(request)?;
    let needed = request.route.permission.ok_or_else(Refusal::not_found)?;
    read::find_or_gone(tx, context, kind, id, needed)?;
    subscription::find(tx, id)
}

/// All values of an input parameter, from the query or from a Parameters resource, repeated or separated by
/// commas.
pub(super) fn inputs(request: &FhirRequest, name: &str) -> Result<Vec<String>, Refusal> {
    let query = request.params.iter().filter(|(given, value)| given == name && !value.is_empty());
    let mut all: Vec<String> = query.map(|(_, value)| value.clone()).collect();
    if let Some(Body::Resource(parameters)) = &request.body {
        let given = parameters.get("parameter").and_then(Value::as_array).into_iter().flatten();
        let named = given.filter(|one| one.get("name").and_then(Value::as_str) == Some(name));
        all.extend(named.filter_map(value));
    }
    List::Inputs.check(all.iter().map(|value| value.split(',').count()).sum())?;
    Ok(all.iter().flat_map(|value| value.split(',')).map(str::to_owned).collect())
}

/// The value of a parameter of any primitive type.
pub(super) fn value(parameter: &Value) -> Option<String> {
    let (_, value) = parameter.as_object()?.iter().find(|(key, _)| key.starts_with("value"))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The ids in an input, bare or as references.
pub(super) fn ids(request: &FhirRequest) -> Result<Vec<String>, Refusal> {
    let last = |id: &String| id.rsplit('/').next().unwrap_or(id).to_owned();
    Ok(inputs(request, "id")?.iter().map(last).collect())
}

/// The number of an event.
pub(super) fn number(request: &FhirRequest, name: &'static str) -> Result<Option<i64>, Refusal> {
    let given = inputs(request, name)?;
    let Some(text) = given.first() else { return Ok(None) };
    let number = text.parse().ok().filter(|number| *number >= 0 && given.len() == 1);
    number.map(Some).ok_or_else(|| wrong("The number of an event must be a whole number, given once.", name))
}

/// 400, at an input.
pub(super) fn wrong(message: &'static str, name: &str) -> Refusal {
    Refusal::new(400, Issue::error(IssueType::Value, message).at(name))
}

/// A Parameters resource with these parameters.
pub(super) fn answer(parameters: &[Value]) -> Value {
    json!({ "resourceType": "Parameters", "parameter": parameters })
}
