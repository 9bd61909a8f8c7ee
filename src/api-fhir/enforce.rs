//! What the scopes of the caller's app let through, as conditions on rows: they become part of the query, so
//! that no total, chain or include tells of what lies beyond them (SC-03, SC-06). Whose data the caller may
//! see at all is [`Context::scope`]; both hold.

use crate::context::Context;
use crate::interaction::Request;
use crate::refusal::{Challenge, Refusal};
use crate::resource::{Backing, ResourceType};
use crate::search::{account, filter_of, of_patient};
use domain::account::{Constraint, Letter, Who};
use domain::event::owner_key;
use domain::person::{NhsNumber, NumberCheck};
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::{AuditField, Filter, PageQuery, SubscriptionField, Table};

/// Whether any scope lets this through for a type. Definitions are nobody's data: everybody who is let in
/// reads them.
pub(crate) fn may(context: &Context, kind: ResourceType, letter: Letter) -> bool {
    matches!(kind.backing(), Backing::Library) || constraints(context, kind, letter).is_some()
}

/// Refuses what no scope lets through for any of these types (SC-09).
pub(crate) fn check_any(context: &Context, kinds: &[ResourceType], letter: Letter) -> Result<(), Refusal> {
    match kinds {
        [first, ..] if !kinds.iter().any(|kind| may(context, *kind, letter)) => {
            Err(insufficient(*first, letter))
        }
        _ => Ok(()),
    }
}

/// Refuses a request that names another patient than the one of its token, where the settings want that told
/// (RS-05; rule PXY-1 of the producers of national APIs). By default the patient is hidden as every other
/// person is: a read is 404, a search finds nothing.
pub(crate) fn check_patient(context: &Context, request: &Request) -> Result<(), Refusal> {
    let status = context.status_for_other_patient;
    if status == 404 {
        return Ok(());
    }
    let of_patient = |constraints: Vec<Constraint>| constraints.iter().all(|only| only.is_of_patient);
    let is_bound = match context.caller.who {
        Who::Proxy { .. } => true,
        Who::Citizen { .. } => {
            constraints(context, ResourceType::Patient, Letter::Read).is_some_and(of_patient)
        }
        Who::Anyone | Who::Staff { .. } | Who::System { .. } | Who::Service => false,
    };
    let Some(patient) = context.caller.who.patient().filter(|_| is_bound) else {
        return Ok(());
    };
    let is_patient = request.target.kind == Some(ResourceType::Patient);
    let in_path = request.target.id.as_deref().filter(|_| is_patient);
    let in_query = request.params.iter().filter(|(name, _)| {
        let name = name.split([':', '.']).next().unwrap_or_default();
        matches!(name, "patient" | "subject")
    });
    let values = in_query.flat_map(|(_, value)| value.split(','));
    let named = in_path.into_iter().chain(values).filter_map(|value| {
        let last = value.rsplit(['/', '|']).next().unwrap_or(value);
        NhsNumber::parse(last, NumberCheck::Length).ok()
    });
    if named.into_iter().all(|number| number == patient) {
        return Ok(());
    }
    let told = "The request is about another patient than the one of the access token.";
    let code = if status == 401 { IssueType::Login } else { IssueType::Forbidden };
    Err(Refusal::new(status, Issue::error(code, told)))
}

fn constraints(context: &Context, kind: ResourceType, letter: Letter) -> Option<Vec<Constraint>> {
    context.caller.ceiling.constraints(kind.name(), letter)
}

fn insufficient(kind: ResourceType, letter: Letter) -> Refusal {
    let told = "The scopes of the access token do not allow this.";
    let scope = format!("user/{}.{letter}", kind.name());
    Refusal {
        challenge: Some(Challenge { error: "insufficient_scope", scope: Some(scope) }),
        ..Refusal::new(403, Issue::error(IssueType::Forbidden, told))
    }
}

/// A filter on the rows of a type, narrowed to what the scopes let through.
pub(crate) fn limited(
    context: &Context,
    kind: ResourceType,
    letter: Letter,
    filter: Filter,
) -> Result<Filter, Refusal> {
    let Backing::Rows { table, .. } = kind.backing() else { return Ok(filter) };
    let constraints = constraints(context, kind, letter).ok_or_else(|| insufficient(kind, letter))?;
    // A subscription is its owner's alone (N-11), whatever is given.
    let filter = match (kind, &context.caller.who) {
        (ResourceType::Subscription, _) => {
            Filter::All(vec![Filter::text(SubscriptionField::Owner, owner_key(&context.caller)), filter])
        }
        // So is what the audit holds about it: those who see everybody's records do not learn of it.
        (ResourceType::AuditEvent | ResourceType::Provenance, Who::System { .. } | Who::Staff { .. }) => {
            let of = |owner: String| Filter::text(AuditField::SubscriptionOwner, owner);
            let own = Filter::Any(vec![of(String::new()), of(owner_key(&context.caller))]);
            Filter::All(vec![own, filter])
        }
        _ => filter,
    };
    if constraints.contains(&Constraint::default()) {
        return Ok(filter);
    }
    // Equal ones once, and equalities of one field as one list: an app chooses how many there are.
    let mut any: Vec<Filter> = Vec::new();
    for constraint in &constraints {
        let one = condition(context, kind, table, constraint);
        if !any.contains(&one) {
            any.push(one);
        }
    }
    let limited = Filter::All(vec![filter, Filter::any_of(any)]);
    if limited.size() > MOST_VALUES {
        let told = "With what the scopes of the access token add to it, this search is larger than this server \
                    carries out: narrow it, or ask for a token with fewer constraints.";
        return Err(Refusal::new(422, Issue::error(IssueType::TooCostly, told)));
    }
    Ok(limited)
}

/// How many values and subselects the condition of one search may have, with what scopes add at each link of its chains.
/// A statement holds 32,000 values, and what is visible adds some to each subselect.
const MOST_VALUES: usize = 20_000;

/// The rows that one scope lets through. A constraint that this server cannot search by lets nothing
/// through: it must not widen.
fn condition(context: &Context, kind: ResourceType, table: Table, constraint: &Constraint) -> Filter {
    let mut all = Vec::new();
    if constraint.is_of_patient {
        let of = |patient: NhsNumber| {
            if table == Table::Users {
                return account::of(patient.as_str());
            }
            // It is theirs, so it is told for the patient in whose place they stand.
            if table == Table::Subscriptions {
                return Filter::EVERYTHING;
            }
            of_patient(kind, patient.as_str())
        };
        all.push(context.caller.who.patient().map_or(Filter::NOTHING, of));
    }
    if constraint.is_of_user {
        let user = context.caller.who.user();
        all.push(user.map_or(Filter::NOTHING, |user| account::of(user.as_str())));
    }
    let strict = Context { is_strict: true, ..context.clone() };
    for (name, value) in &constraint.params {
        let filter = filter_of(kind, name, value, &strict);
        all.push(filter.ok().flatten().unwrap_or(Filter::NOTHING));
    }
    Filter::all_of(all)
}

/// Refuses a write whose result lies beyond the scopes (SC-03): nothing of it stays.
pub(crate) fn check_written(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    letter: Letter,
) -> Result<(), Refusal> {
    if lets_through(tx, context, kind, id, letter)? { Ok(()) } else { Err(insufficient(kind, letter)) }
}

/// Whether the scopes let the caller read this resource, which they may see.
pub(crate) fn may_read(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
) -> Result<bool, Refusal> {
    Ok(may(context, kind, Letter::Read) && lets_through(tx, context, kind, id, Letter::Read)?)
}

/// Refuses what would tell the caller of a resource that the scopes do not let them read.
pub(crate) fn check_read(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
) -> Result<(), Refusal> {
    if may_read(tx, context, kind, id)? { Ok(()) } else { Err(insufficient(kind, Letter::Read)) }
}

/// Whether the scopes let this through to a row. Where they have no constraint the database is not asked.
fn lets_through(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    letter: Letter,
) -> Result<bool, Refusal> {
    let Backing::Rows { table, .. } = kind.backing() else { return Ok(true) };
    let constraints = constraints(context, kind, letter).ok_or_else(|| insufficient(kind, letter))?;
    if constraints.contains(&Constraint::default()) {
        return Ok(true);
    }
    let filter = limited(context, kind, letter, Filter::text(table.id(), id))?;
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: 1 };
    Ok(!tx.search(&query, context.scope())?.is_empty())
}
