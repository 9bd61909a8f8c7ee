//! Reference parameters (<https://hl7.org/fhir/R4/search.html#reference>): `id`, `Type/id`, a URL of this
//! server, or with `:identifier` the identifier of a logical reference.

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use crate::search::account;
use crate::search::param::{Param, Reference, SearchTarget};
use crate::search::query::bad;
use crate::search::token::TokenValue;
use crate::search::uri;
use crate::url;
use domain::account::Principal;
use store::search::{AccessRequestField, AuditField, Field, Filter};

/// The filter of one alternative (S-20).
pub(super) fn filter(
    param: &Param,
    modifier: Option<&str>,
    value: &str,
    context: &Context,
) -> Result<Filter, Refusal> {
    if let SearchTarget::Uri(_) = param.target {
        // A canonical: R4 calls it a reference, and it is matched like a URI (S-22).
        return uri::filter(param, modifier, value);
    }
    if modifier == Some("identifier") {
        return Ok(by_identifier(param, &TokenValue::parse(value)));
    }
    let wanted_type = match modifier {
        None | Some("above" | "below") => None,
        Some(name) => Some(ResourceType::parse(name).ok_or_else(|| {
            bad("A reference parameter supports the modifiers identifier, missing, and the name of a type.")
        })?),
    };
    let relative = context.relative(value);
    let is_elsewhere = relative.contains("://") || relative.starts_with("urn:");
    // A version in the value does not matter: references on this server have none (S-21).
    let unversioned = relative.split_once("/_history/").map_or(relative, |(start, _)| start);
    let (named_type, id) = match unversioned.split_once('/') {
        Some((name, id)) => (ResourceType::parse(name), id),
        None => (wanted_type, unversioned),
    };
    let is_contradiction = wanted_type.is_some() && named_type != wanted_type;
    let names_unknown_type = unversioned.contains('/') && named_type.is_none();
    if is_elsewhere || is_contradiction || names_unknown_type || id.contains('/') {
        return Ok(Filter::NOTHING);
    }
    Ok(if let SearchTarget::Reference(reference) = param.target {
        by_id(reference, named_type, id)
    } else if let SearchTarget::LocalReference(field) = param.target {
        local(field, named_type, id)
    } else if matches!(param.target, SearchTarget::Applicant)
        && named_type.is_none_or(|kind| kind == ResourceType::Patient)
    {
        applicant(id)
    } else if matches!(param.target, SearchTarget::Account) {
        account::linked(param.name, named_type, id)
    } else {
        Filter::NOTHING
    })
}

fn by_id(reference: Reference, named_type: Option<ResourceType>, id: &str) -> Filter {
    let is_possible =
        !reference.targets.is_empty() && named_type.is_none_or(|named| reference.targets.contains(&named));
    if is_possible { Filter::text(reference.field, id) } else { Filter::NOTHING }
}

fn by_identifier(param: &Param, token: &TokenValue) -> Filter {
    let field = |reference: Reference| {
        let is_system = token.system.as_deref().is_none_or(|system| system == reference.system);
        match (&token.code, is_system) {
            (_, false) => Filter::NOTHING,
            (Some(code), true) => Filter::text(reference.field, code.clone()),
            (None, true) => Filter::Null(reference.field).negated(),
        }
    };
    if let SearchTarget::Reference(reference) = param.target {
        return field(reference);
    }
    if let SearchTarget::Agent = param.target {
        return agent(token);
    }
    if let SearchTarget::Author = param.target {
        return author(token);
    }
    let is_number = token.system.as_deref().is_none_or(|system| system == url::NHS_NUMBER);
    match &token.code {
        Some(number) if is_number && matches!(param.target, SearchTarget::Applicant) => applicant(number),
        Some(number) if is_number && matches!(param.target, SearchTarget::Account) => account::of(number),
        Some(_) | None => Filter::NOTHING,
    }
}

/// Access requests of this applicant.
fn applicant(number: &str) -> Filter {
    Filter::text(AccessRequestField::Applicant, number)
}

/// Records of acts by a person, or by an app for them.
fn agent(token: &TokenValue) -> Filter {
    let Some(code) = &token.code else { return Filter::NOTHING };
    let app = Filter::text(AuditField::App, code.as_str());
    match token.system.as_deref() {
        None => Filter::Any(vec![caller(None, code), app]),
        Some(url::APP) => app,
        system => caller(system, code),
    }
}

/// Changes by a caller. The service itself has no identifier, and is found by its kind.
fn author(token: &TokenValue) -> Filter {
    let Some(code) = &token.code else { return Filter::NOTHING };
    let named = caller(token.system.as_deref(), code);
    let names_callers = token.system.as_deref().is_none_or(|system| system == url::CALLER);
    let service = Principal::Service.kind();
    if code != service || !names_callers {
        return named;
    }
    let by_service = Filter::All(vec![
        Filter::Null(Field::Audit(AuditField::Caller)),
        Filter::text(AuditField::CallerKind, service),
    ]);
    Filter::Any(vec![named, by_service])
}

/// Records of a caller. Citizens are identified by NHS number; other callers by this server's own system.
fn caller(system: Option<&str>, code: &str) -> Filter {
    let citizens = Filter::one_of(AuditField::CallerKind, vec!["citizen".to_owned(), "proxy".to_owned()]);
    let caller = Filter::text(AuditField::Caller, code);
    match system {
        None => caller,
        Some(url::NHS_NUMBER) => Filter::All(vec![caller, citizens]),
        Some(url::CALLER) => Filter::All(vec![caller, citizens.negated()]),
        Some(_) => Filter::NOTHING,
    }
}

/// References in the audit record: the subject as `Type/id`, or the patient by number.
fn local(field: Field, named_type: Option<ResourceType>, id: &str) -> Filter {
    let subject = |kind: ResourceType| Filter::text(field, format!("{}/{id}", kind.name()));
    match named_type {
        Some(ResourceType::Patient) => Filter::text(AuditField::Patient, id),
        Some(kind) => subject(kind),
        None => {
            let kinds =
                [ResourceType::Consent, ResourceType::RelatedPerson, ResourceType::QuestionnaireResponse];
            Filter::Any(
                kinds.into_iter().map(subject).chain([Filter::text(AuditField::Patient, id)]).collect(),
            )
        }
    }
}
