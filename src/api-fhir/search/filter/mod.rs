//! Compiles one criterion to a filter: finds its parameter, and follows its chain. Each link of a chain
//! matches only what the scopes of the caller's app allow ([`restrict`]), and a scope's constraints are
//! criteria: so the two are in one file.

pub(crate) mod criterion;
pub(crate) mod masked;

use crate::context::Context;
use crate::refusal::{Challenge, Refusal};
use crate::resource::definition::Storage;
use crate::resource::resource_type::ResourceType;
use crate::search::account;
use crate::search::caps::List;
use crate::search::param::{Param, Reference, SearchTarget};
use crate::search::query::bad;
use criterion::{of_patient, own, param_of};
use domain::account::{Permission, Principal, ScopeConstraint};
use domain::event::owner_key;
use domain::person::NhsNumber;
use fhir::outcome::{Issue, IssueType};
use store::search::{
    AccessRequestField, AuditField, Field, Filter, RelationshipField, RoleField, SubscriptionField, Table,
};

/// The filter of a criterion; `None` where the parameter is unknown and the caller is lenient (G-10).
pub(crate) fn filter_of(
    kind: ResourceType,
    key: &str,
    value: &str,
    context: &Context,
) -> Result<Option<Filter>, Refusal> {
    at_depth(kind, key, value, context, 0)
}

fn at_depth(
    kind: ResourceType,
    key: &str,
    value: &str,
    context: &Context,
    depth: usize,
) -> Result<Option<Filter>, Refusal> {
    List::Links.check(depth)?;
    if let Some(reverse) = key.strip_prefix("_has:") {
        return has(kind, reverse, value, context, depth).map(Some);
    }
    let (head, chain) = match key.split_once('.') {
        Some((head, chain)) => (head, Some(chain)),
        None => (key, None),
    };
    let (name, modifier) = match head.split_once(':') {
        Some((name, modifier)) => (name, Some(modifier)),
        None => (head, None),
    };
    let param = match param_of(kind, name) {
        Some(param) => param,
        None if context.is_strict || depth > 0 => {
            let message = if UNSUPPORTED.contains(&name) {
                "This server does not support _text, _content, _list, _query and _filter."
            } else {
                "This server does not have this search parameter."
            };
            return Err(Refusal::new(400, Issue::error(IssueType::NotSupported, message)));
        }
        None => return Ok(None),
    };
    match chain {
        Some(chain) => chained(&param, modifier, chain, value, context, depth).map(Some),
        None => own(&param, modifier, value, context).map(Some),
    }
}

/// Refuses a parameter that some of the searched types have and others do not: applied only to those that
/// have it, it would leave the others unfiltered. R4 calls it an error
/// (<https://hl7.org/fhir/R4/http.html#search>). A parameter that none of them has is unknown, as in a search
/// of one type.
pub(crate) fn check_common(kinds: &[ResourceType], keys: &[(String, String)]) -> Result<(), Refusal> {
    for (key, _) in keys {
        let lacking = kinds.iter().find(|kind| !is_of(**kind, key));
        if let (Some(lacking), true) = (lacking, kinds.iter().any(|kind| is_of(*kind, key))) {
            let message = format!(
                "A search over several types takes only parameters that all of them have, and one of these is not a \
                 parameter of {}: leave it out, or name in _type the types that have it.",
                lacking.name()
            );
            return Err(Refusal::new(400, Issue::error(IssueType::NotSupported, message)));
        }
    }
    Ok(())
}

/// Whether resources of a type can be searched by the parameter of this key.
fn is_of(kind: ResourceType, key: &str) -> bool {
    match key.strip_prefix("_has:") {
        Some(reverse) => Reverse::parse(reverse).is_ok_and(|reverse| reverse.field(kind).is_some()),
        None => param_of(kind, key.split([':', '.']).next().unwrap_or_default()).is_some(),
    }
}

/// R4's common parameters that this server does not support (S-19): it has no full-text search, no lists and
/// no named queries, and `_filter` adds nothing to the other parameters.
const UNSUPPORTED: [&str; 5] = ["_text", "_content", "_list", "_query", "_filter"];

/// `patient.identifier=…`, `patient:Patient.name=…` (S-18). Each link sees only what the caller may see.
fn chained(
    param: &Param,
    modifier: Option<&str>,
    chain: &str,
    value: &str,
    context: &Context,
    depth: usize,
) -> Result<Filter, Refusal> {
    let no_chain = || bad("This chain is not supported.");
    let SearchTarget::Reference(Reference { field, targets, .. }) = param.target else {
        return Err(no_chain());
    };
    let mut links = Vec::new();
    for target in targets.iter().filter(|target| modifier.is_none_or(|name| name == target.name())) {
        let Storage::Rows { table, .. } = target.storage() else { continue };
        if let Some(filter) = at_depth(*target, chain, value, context, depth + 1)? {
            let filter = restrict(context, *target, Permission::Search, filter)?;
            links.push(Filter::within(field, table, table.id(), filter));
        }
    }
    if links.is_empty() { Err(no_chain()) } else { Ok(Filter::Any(links)) }
}

/// `Consent:patient:status`, the key after `_has:`.
struct Reverse<'k> {
    source: ResourceType,
    param: Param,
    rest: &'k str,
}

impl<'k> Reverse<'k> {
    fn parse(reverse: &'k str) -> Result<Self, Refusal> {
        let malformed = || {
            bad(
                "_has must be written _has:Type:reference:parameter, with types and parameters of this server.",
            )
        };
        let mut parts = reverse.splitn(3, ':');
        let (Some(source), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed());
        };
        let source = ResourceType::parse(source).ok_or_else(malformed)?;
        let param = *Param::find(source, name).ok_or_else(malformed)?;
        Ok(Self { source, param, rest })
    }

    /// The referenced field, and the field of the reference; `None` where the reference is not to this type.
    fn field(&self, kind: ResourceType) -> Option<(Field, Field)> {
        let Storage::Rows { table, .. } = kind.storage() else { return None };
        if let SearchTarget::LocalReference(field) = self.param.target {
            return Some((local_reference(kind)?, field));
        }
        let SearchTarget::Reference(Reference { field, targets, .. }) = self.param.target else {
            return None;
        };
        targets.contains(&kind).then_some((table.id(), field))
    }
}

/// `_has:Consent:patient:status=active` (S-18): resources that a matching Consent refers to.
fn has(
    kind: ResourceType,
    reverse: &str,
    value: &str,
    context: &Context,
    depth: usize,
) -> Result<Filter, Refusal> {
    let reverse = Reverse::parse(reverse)?;
    let not_to_this = || {
        let message = format!("The reference in this _has cannot refer to {}.", kind.name());
        Refusal::new(400, Issue::error(IssueType::NotSupported, message))
    };
    let (own, field) = reverse.field(kind).ok_or_else(not_to_this)?;
    let Storage::Rows { table, .. } = reverse.source.storage() else { return Err(not_to_this()) };
    let filter = at_depth(reverse.source, reverse.rest, value, context, depth + 1)?;
    let filter = restrict(context, reverse.source, Permission::Search, filter.unwrap_or(Filter::EVERYTHING))?;
    Ok(Filter::within(own, table, field, filter))
}

/// `Type/id` of a row, as in the audit record.
fn local_reference(kind: ResourceType) -> Option<Field> {
    const REFERENCES: [(ResourceType, Field); 3] = [
        (ResourceType::Consent, Field::Role(RoleField::Reference)),
        (ResourceType::RelatedPerson, Field::Relationship(RelationshipField::Reference)),
        (ResourceType::QuestionnaireResponse, Field::AccessRequest(AccessRequestField::Reference)),
    ];
    REFERENCES.iter().find(|(of, _)| *of == kind).map(|(_, field)| *field)
}

/// Whether any scope allows this for a type. Definitions are not personal data: every authenticated caller
/// may read them.
pub(crate) fn permits(context: &Context, kind: ResourceType, permission: Permission) -> bool {
    matches!(kind.storage(), Storage::Library) || constraints(context, kind, permission).is_some()
}

pub(crate) fn constraints(
    context: &Context,
    kind: ResourceType,
    permission: Permission,
) -> Option<Vec<ScopeConstraint>> {
    context.caller.granted_scopes.constraints(kind.name(), permission)
}

pub(crate) fn insufficient(context: &Context, kind: ResourceType, permission: Permission) -> Refusal {
    let message = "The scopes of the access token do not allow this.";
    let whose = match context.caller.principal {
        Principal::System { .. } | Principal::Service => "system",
        Principal::Proxy { .. } => "patient",
        Principal::Anyone | Principal::Citizen { .. } | Principal::Staff { .. } => "user",
    };
    let scope = format!("{whose}/{}.{permission}", kind.name());
    Refusal {
        challenge: Some(Challenge { error: "insufficient_scope", scope: Some(scope) }),
        ..Refusal::new(403, Issue::error(IssueType::Forbidden, message))
    }
}

/// A filter on the rows of a type, restricted to what the scopes allow.
pub(crate) fn restrict(
    context: &Context,
    kind: ResourceType,
    permission: Permission,
    filter: Filter,
) -> Result<Filter, Refusal> {
    let Storage::Rows { table, .. } = kind.storage() else { return Ok(filter) };
    let constraints =
        constraints(context, kind, permission).ok_or_else(|| insufficient(context, kind, permission))?;
    // A subscription belongs to its owner only (N-11), whatever the scopes.
    let filter = match (kind, &context.caller.principal) {
        (ResourceType::Subscription, _) => {
            Filter::All(vec![Filter::text(SubscriptionField::Owner, owner_key(&context.caller)), filter])
        }
        // So do its audit records: callers who see all records do not see those.
        (
            ResourceType::AuditEvent | ResourceType::Provenance,
            Principal::System { .. } | Principal::Staff { .. },
        ) => {
            let of = |owner: String| Filter::text(AuditField::SubscriptionOwner, owner);
            let own = Filter::Any(vec![of(String::new()), of(owner_key(&context.caller))]);
            Filter::All(vec![own, filter])
        }
        _ => filter,
    };
    if constraints.contains(&ScopeConstraint::default()) {
        return Ok(filter);
    }
    // Equal ones once, and equalities of one field as one list: the app chooses how many there are.
    let mut any: Vec<Filter> = Vec::new();
    for constraint in &constraints {
        let one = condition(context, kind, table, constraint);
        if !any.contains(&one) {
            any.push(one);
        }
    }
    let limited = Filter::All(vec![filter, Filter::any_of(any)]);
    if limited.size() > MOST_VALUES {
        let message = "Together with the constraints of the token's scopes, this search is too large for this server: \
                    narrow it, or request a token with fewer constraints.";
        return Err(Refusal::new(422, Issue::error(IssueType::TooCostly, message)));
    }
    Ok(limited)
}

/// The most values and subselects in the condition of one search, including those that scopes add at each
/// link of its chains. A statement can have 32,000 values, and the visibility filter adds some to each
/// subselect.
const MOST_VALUES: usize = 20_000;

/// The rows that one scope allows. A constraint that this server cannot search by allows nothing: it must not
/// widen the scope.
fn condition(context: &Context, kind: ResourceType, table: Table, constraint: &ScopeConstraint) -> Filter {
    let mut all = Vec::new();
    if constraint.is_of_patient {
        let of = |patient: NhsNumber| {
            if table == Table::Users {
                return account::of(patient.as_str());
            }
            // The patient whose account the proxy uses.
            if table == Table::Subscriptions {
                return Filter::EVERYTHING;
            }
            of_patient(kind, patient.as_str())
        };
        all.push(context.caller.principal.patient().map_or(Filter::NOTHING, of));
    }
    if constraint.is_of_user {
        let user = context.caller.principal.user();
        all.push(user.map_or(Filter::NOTHING, |user| account::of(user.as_str())));
    }
    let strict = Context { is_strict: true, ..context.clone() };
    for (name, value) in &constraint.params {
        let filter = filter_of(kind, name, value, &strict);
        all.push(filter.ok().flatten().unwrap_or(Filter::NOTHING));
    }
    Filter::all_of(all)
}
