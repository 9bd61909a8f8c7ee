//! A criterion on the resource itself: its alternatives combined.

use super::masked;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::Storage;
use crate::resource::resource_type::ResourceType;
use crate::search::caps::List;
use crate::search::param::{Param, ParamType, Reference, SearchTarget};
use crate::search::quantity::Wanted;
use crate::search::query::{alternatives, bad};
use crate::search::{account, date, reference, string, token, uri};
use crate::url;
use fhir::profiles;
use store::search::{Field, Filter, RoleField};

/// A criterion on the resource itself.
pub(super) fn own(
    param: &Param,
    modifier: Option<&str>,
    value: &str,
    context: &Context,
) -> Result<Filter, Refusal> {
    if modifier == Some("missing") {
        let wanted = match value {
            "true" => true,
            "false" => false,
            _ => return Err(bad(":missing must be true or false.")),
        };
        // A masked value is missing for the caller.
        let is_there = masked::disclosed(&param.target, missing(param, context).negated(), context);
        let missing = is_there.negated();
        return Ok(if wanted { missing } else { missing.negated() });
    }
    let alternatives = alternatives(value);
    List::Alternatives.check(alternatives.len())?;
    let each = |value: &String| match param.kind {
        ParamType::Token => token::filter(param, modifier, value, context),
        ParamType::Reference => reference::filter(param, modifier, value, context)
            .map(|filter| masked::disclosed(&param.target, filter, context)),
        ParamType::Date => date::filter(param, modifier, value, context),
        ParamType::String => string::filter(param, modifier, value),
        ParamType::Uri => uri::filter(param, modifier, value)
            .map(|filter| masked::disclosed(&param.target, filter, context)),
        ParamType::Quantity => quantity(modifier, value),
        ParamType::Composite => composite(param, modifier, value, context),
    };
    let any = alternatives.iter().map(each).collect::<Result<Vec<_>, _>>()?;
    // `:not` of several values excludes all of them.
    let is_negative = matches!(modifier, Some("not" | "not-in"));
    Ok(if is_negative { Filter::All(any) } else { Filter::any_of(any) })
}

/// The parameter of a type with this name, or the common one.
pub(crate) fn param_of(kind: ResourceType, name: &str) -> Option<Param> {
    common(kind, name).or_else(|| Param::find(kind, name).copied())
}

/// The parameters of all types (S-19).
fn common(kind: ResourceType, name: &str) -> Option<Param> {
    const PROFILE: &str = "_profile";
    let Storage::Rows { table, updated_at, .. } = kind.storage() else {
        return match name {
            "_id" => Some(Param::token("_id", SearchTarget::Element(&["id"]))),
            "_lastUpdated" => {
                Some(Param::date("_lastUpdated", SearchTarget::Element(&["meta", "lastUpdated"])))
            }
            "_tag" => Some(Param::token("_tag", SearchTarget::Element(&["meta", "tag"]))),
            "_security" => Some(Param::token("_security", SearchTarget::Element(&["meta", "security"]))),
            PROFILE => Some(Param::uri(PROFILE, SearchTarget::Element(&["meta", "profile"]))),
            "_source" => Some(Param::uri("_source", SearchTarget::Element(&["meta", "source"]))),
            _ => None,
        };
    };
    match name {
        "_id" => Some(Param::token("_id", SearchTarget::Token(None, table.id()))),
        "_lastUpdated" => Some(Param::date("_lastUpdated", SearchTarget::Date(updated_at, updated_at))),
        // The one tag of a stored resource.
        "_tag" if kind == ResourceType::Consent => {
            let mark = Field::Role(RoleField::ReviewMark);
            Some(Param::token("_tag", SearchTarget::Token(Some(url::ROLE_REVIEW), mark)))
        }
        "_tag" | "_security" => Some(Param::token("_tag", SearchTarget::Absent)),
        "_source" => Some(Param::uri("_source", SearchTarget::Absent)),
        PROFILE => Some(Param::uri(PROFILE, SearchTarget::Constant(profile(kind)))),
        _ => None,
    }
}

pub(super) fn profile(kind: ResourceType) -> &'static [(&'static str, &'static str)] {
    const PROFILES: [(ResourceType, &[(&str, &str)]); 3] = [
        (ResourceType::Consent, &[("", profiles::PROXY_ROLE)]),
        (ResourceType::RelatedPerson, &[("", profiles::PROXY_RELATIONSHIP)]),
        (ResourceType::QuestionnaireResponse, &[("", profiles::ACCESS_REQUEST)]),
    ];
    PROFILES.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, profile)| profile)
}

/// The resources of a type that are about a patient; none of a type that is not in a patient's compartment.
pub(crate) fn of_patient(kind: ResourceType, id: &str) -> Filter {
    let field = match kind.storage() {
        Storage::Rows { table, .. } => table.patient(),
        Storage::Library => None,
    };
    field.map_or(Filter::NOTHING, |field| Filter::text(field, id))
}

/// No row has a quantity.
pub(super) fn quantity(modifier: Option<&str>, value: &str) -> Result<Filter, Refusal> {
    if modifier.is_some() {
        return Err(bad("A quantity parameter supports only the modifier missing."));
    }
    Wanted::parse(value).map(|_no_row_has_one| Filter::NOTHING)
}

/// Each part of the value must match its parameter (S-27). No row has several values of one element.
pub(super) fn composite(
    param: &Param,
    modifier: Option<&str>,
    value: &str,
    context: &Context,
) -> Result<Filter, Refusal> {
    if modifier.is_some() {
        return Err(bad("A composite parameter supports only the modifier missing."));
    }
    let SearchTarget::Composite(_, parts) = param.target else { return Ok(Filter::NOTHING) };
    let values: Vec<String> = token::split(value, '$').collect();
    if values.len() != parts.len() {
        return Err(bad("A composite parameter needs one value for each part, separated by $."));
    }
    for (part, value) in parts.iter().zip(&values) {
        own(part, None, value, context)?;
    }
    Ok(Filter::NOTHING)
}

/// Rows without a value for a parameter (S-28).
pub(super) fn missing(param: &Param, context: &Context) -> Filter {
    match param.target {
        SearchTarget::Absent => Filter::EVERYTHING,
        SearchTarget::Constant(values) => Filter::constant(values.is_empty()),
        SearchTarget::Token(_, field)
        | SearchTarget::Flag(field)
        | SearchTarget::Uri(field)
        | SearchTarget::Text(field, _)
        | SearchTarget::Contacts(field)
        | SearchTarget::LocalReference(field)
        | SearchTarget::Reference(Reference { field, .. }) => Filter::Null(field),
        SearchTarget::Present(codings) => {
            let absent = codings.iter().map(|(_, _, field)| masked::present(*field, context).negated());
            Filter::All(absent.collect())
        }
        SearchTarget::Date(from, to) => Filter::All(vec![Filter::Null(from), Filter::Null(to)]),
        SearchTarget::RelationshipCode => token::any_relationship_code().negated(),
        SearchTarget::Names(parts) => string::any_name(parts).negated(),
        SearchTarget::Account => account::any().negated(),
        // The element is present with the value true or false.
        SearchTarget::HasValue(_)
        | SearchTarget::RoleStatus
        | SearchTarget::RoleReason
        | SearchTarget::OfAct(_)
        | SearchTarget::Agent
        | SearchTarget::Author
        | SearchTarget::Applicant
        | SearchTarget::Element(_)
        | SearchTarget::Composite(..)
        | SearchTarget::Codes => Filter::NOTHING,
    }
}
