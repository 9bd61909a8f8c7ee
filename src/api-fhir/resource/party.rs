//! Resolves references to people: by NHS number, by the Patient of this API, or by both.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::patient;
use crate::resource::stored_resource::{find_ids, nhs_identifier};
use crate::url;
use crate::url::normal;
use domain::person::{NhsNumber, NumberCheck};
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::{Filter, Table, Visibility};

/// The message about a person whom the registry does not know, or whose data may not be disclosed: the two
/// cases must not be distinguishable.
pub(super) const UNKNOWN: &str =
    "The registry does not know this person, or their data may not be disclosed.";

/// The NHS number in a reference: by identifier, by `Patient/…`, or by both, if they agree. The id of a
/// Patient is the NHS number; whether the person exists is for the use case to check, in its transaction.
pub(super) fn number_in(reference: &Value, context: &Context, at: &str) -> Result<NhsNumber, Refusal> {
    let by_identifier = by_identifier(reference, context.contract.nhs_number_check, at)?;
    let by_reference = match literal(reference, context) {
        Some(reference) => {
            let id = reference.strip_prefix("Patient/");
            let number = id.and_then(|id| NhsNumber::parse(id, context.contract.nhs_number_check).ok());
            Some(number.ok_or_else(|| wrong(at, "The reference must be to a Patient of this server."))?)
        }
        None => None,
    };
    one_of(by_reference, by_identifier, at)
}

/// The NHS number in a reference's identifier, if it has one.
pub(super) fn identifier_in(
    reference: &Value,
    context: &Context,
    at: &str,
) -> Result<Option<NhsNumber>, Refusal> {
    by_identifier(reference, context.contract.nhs_number_check, at)
}

/// As [`number_in`], for a RelatedPerson: by identifier, by `RelatedPerson/…` of this patient, or by both, if
/// they agree.
pub(super) fn related_number_in(
    tx: &mut Tx<'_>,
    context: &Context,
    reference: &Value,
    patient: NhsNumber,
    at: &str,
) -> Result<NhsNumber, Refusal> {
    let by_identifier = by_identifier(reference, context.contract.nhs_number_check, at)?;
    let by_reference = match literal(reference, context) {
        Some(reference) => {
            let id = reference.strip_prefix("RelatedPerson/");
            let id =
                id.ok_or_else(|| wrong(at, "The reference must be to a RelatedPerson of this server."))?;
            let filter = Filter::text(Table::Relationships.id(), id);
            let ids = find_ids(tx, context, Table::Relationships, filter)?;
            let found = if ids.is_empty() { None } else { tx.list_relationships_by_id(&ids)?.pop() };
            let found = found.ok_or_else(|| Refusal::rule(UNKNOWN, at))?.value;
            if found.patient != patient {
                return Err(wrong(
                    at,
                    "This RelatedPerson belongs to another patient: name one of this patient.",
                ));
            }
            Some(found.proxy)
        }
        None => None,
    };
    one_of(by_reference, by_identifier, at)
}

/// Refuses a reference to a Patient that the caller cannot see. An identifier may be that of any person.
pub(super) fn check_found(
    tx: &mut Tx<'_>,
    context: &Context,
    reference: &Value,
    at: &str,
) -> Result<(), Refusal> {
    let reference = literal(reference, context);
    let id = reference.as_deref().and_then(|reference| reference.strip_prefix("Patient/"));
    let Some(id) = id else { return Ok(()) };
    let found = patient::select(tx, context, &Filter::text(Table::People.id(), id))?;
    found.first().map(|_| ()).ok_or_else(|| Refusal::rule(UNKNOWN, at))
}

/// Refuses a patient out of reach of the caller's organisation, like an unknown one. No other caller can
/// write about people out of their reach, so for others nothing is looked up.
pub(super) fn check_reached(
    tx: &mut Tx<'_>,
    context: &Context,
    patient: NhsNumber,
    at: &str,
) -> Result<(), Refusal> {
    let scope = context.scope();
    if matches!(scope, Visibility::Organisation(_)) && !tx.may_see_person(patient, scope)? {
        return Err(Refusal::rule(UNKNOWN, at));
    }
    Ok(())
}

/// The type of a reference: its own, or that of the resource that it refers to.
pub(super) fn type_of<'r>(reference: &'r Value, context: &Context) -> Option<Cow<'r, str>> {
    let declared = reference.get("type").and_then(Value::as_str).map(Cow::Borrowed);
    declared.or_else(|| literal(reference, context)?.split_once('/').map(|(kind, _)| kind.to_owned().into()))
}

/// Adds the type and the identifier that a reference lacks.
pub(super) fn complete(reference: &mut Value, type_name: &str, number: NhsNumber) {
    if let Some(members) = reference.as_object_mut() {
        members.entry("type").or_insert_with(|| json!(type_name));
        members.entry("identifier").or_insert_with(|| nhs_identifier(number));
    }
}

/// The same body with every reference to a resource of this API as `Type/id`.
pub(super) fn with_local_references(body: &Value, context: &Context) -> Value {
    let mut body = body.clone();
    make_local(&mut body, context);
    body
}

fn make_local(value: &mut Value, context: &Context) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| make_local(item, context)),
        Value::Object(members) => {
            for (key, member) in members {
                if let (Value::String(text), "reference") = (&mut *member, key.as_str()) {
                    *text = normal(context.relative(text)).into_owned();
                } else {
                    make_local(member, context);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `Reference.reference`, relative if it is to this API, and without unnecessary percent-encoding.
fn literal<'r>(reference: &'r Value, context: &Context) -> Option<Cow<'r, str>> {
    reference.get("reference").and_then(Value::as_str).map(|reference| normal(context.relative(reference)))
}

fn by_identifier(reference: &Value, check: NumberCheck, at: &str) -> Result<Option<NhsNumber>, Refusal> {
    let text = |path: &str| reference.pointer(path).and_then(Value::as_str);
    match (text("/identifier/system"), text("/identifier/value")) {
        (Some(url::NHS_NUMBER), Some(value)) => {
            let number = NhsNumber::parse(value, check);
            Ok(Some(number.or(Err(wrong(at, "The identifier's value is not a valid NHS number.")))?))
        }
        (None, None) => Ok(None),
        _ => Err(wrong(at, "Name the person by NHS number: system https://fhir.nhs.uk/Id/nhs-number.")),
    }
}

fn one_of(
    by_reference: Option<NhsNumber>,
    by_identifier: Option<NhsNumber>,
    at: &str,
) -> Result<NhsNumber, Refusal> {
    match (by_reference, by_identifier) {
        (Some(number), None) | (None, Some(number)) => Ok(number),
        (Some(number), Some(same)) if number == same => Ok(number),
        (Some(_), Some(_)) => {
            let message = "The reference and the identifier are of different people: correct one of them, or leave it out.";
            let at = |name| Issue::error(IssueType::Value, message).at(format!("{at}.{name}"));
            Err(Refusal::of(422, vec![at("reference"), at("identifier")]))
        }
        (None, None) => Err(wrong(at, "Name the person by identifier or by reference.")),
    }
}

fn wrong(at: &str, message: &'static str) -> Refusal {
    Refusal::new(422, Issue::error(IssueType::Value, message).at(at))
}
