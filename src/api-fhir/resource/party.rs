//! Whom a reference means. A person is named by NHS number, by the Patient of this front, or by both.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::patient;
use crate::resource::stored::{find_ids, nhs_identifier};
use crate::url;
use crate::url::normal;
use domain::person::{NhsNumber, NumberCheck};
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::{Filter, Scope, Table};

/// What is told of somebody whom the registry does not know, or who may not appear in an answer: the two
/// are never told apart.
pub(super) const UNKNOWN: &str = "This person is not known to the registry, or may not appear.";

/// The NHS number that a reference names: by identifier, by `Patient/…`, or by both, if they agree. The id
/// of a Patient is the NHS number; whether there is such a person is for the use case to find out, in its
/// transaction.
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

/// The NHS number that a reference names by identifier, if it does.
pub(super) fn identifier_in(
    reference: &Value,
    context: &Context,
    at: &str,
) -> Result<Option<NhsNumber>, Refusal> {
    by_identifier(reference, context.contract.nhs_number_check, at)
}

/// As [`number_in`], for a person who is named as a RelatedPerson: by identifier, by `RelatedPerson/…` of
/// this patient, or by both, if they agree.
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
                return Err(wrong(at, "Name a RelatedPerson of the patient: this one is somebody else's."));
            }
            Some(found.proxy)
        }
        None => None,
    };
    one_of(by_reference, by_identifier, at)
}

/// Refuses a reference to a Patient that the caller would not find. An identifier may name anybody.
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

/// Refuses a patient out of the reach of the organisation that the caller works for, as one whom the registry does not
/// know. No other caller writes of people whom they do not reach, so that nothing is asked for them.
pub(super) fn check_reached(
    tx: &mut Tx<'_>,
    context: &Context,
    patient: NhsNumber,
    at: &str,
) -> Result<(), Refusal> {
    let scope = context.scope();
    if matches!(scope, Scope::Organisation(_)) && !tx.may_see_person(patient, scope)? {
        return Err(Refusal::rule(UNKNOWN, at));
    }
    Ok(())
}

/// The type that a reference names, itself or by the resource that it leads to.
pub(super) fn type_of<'r>(reference: &'r Value, context: &Context) -> Option<Cow<'r, str>> {
    let declared = reference.get("type").and_then(Value::as_str).map(Cow::Borrowed);
    declared.or_else(|| literal(reference, context)?.split_once('/').map(|(kind, _)| kind.to_owned().into()))
}

/// Adds to a reference what its sender left out of the type and the identifier.
pub(super) fn complete(reference: &mut Value, type_name: &str, number: NhsNumber) {
    if let Some(members) = reference.as_object_mut() {
        members.entry("type").or_insert_with(|| json!(type_name));
        members.entry("identifier").or_insert_with(|| nhs_identifier(number));
    }
}

/// The same body with every reference to a resource of this front as this front writes it: `Type/id`.
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

/// `Reference.reference`, relative if it leads to this front, and without what need not be encoded.
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
            let told =
                "The reference and the identifier name two people: correct one of them, or leave it out.";
            let at = |name| Issue::error(IssueType::Value, told).at(format!("{at}.{name}"));
            Err(Refusal::of(422, vec![at("reference"), at("identifier")]))
        }
        (None, None) => Err(wrong(at, "Name the person by identifier or by reference.")),
    }
}

fn wrong(at: &str, told: &'static str) -> Refusal {
    Refusal::new(422, Issue::error(IssueType::Value, told).at(at))
}
