//! Enforces the scopes of the caller's app, as conditions on rows ([`restrict`]): they become part of the
//! query, so that no total, chain or include reveals rows beyond them (SC-03, SC-06). [`Context::scope`]
//! decides whose data the caller may see at all; both apply.

use crate::context::Context;
use crate::interaction::request::FhirRequest;
use crate::refusal::Refusal;
use crate::resource::definition::Storage;
use crate::resource::resource_type::ResourceType;
use crate::search::filter::{constraints, insufficient};
pub(crate) use crate::search::filter::{permits, restrict};
use domain::account::{Permission, Principal, ScopeConstraint};
use domain::person::{NhsNumber, NumberCheck};
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::{Filter, PageQuery};

/// Refuses a request for types of which no scope allows any (SC-09).
pub(crate) fn check_any(
    context: &Context,
    kinds: &[ResourceType],
    permission: Permission,
) -> Result<(), Refusal> {
    match kinds {
        [first, ..] if !kinds.iter().any(|kind| permits(context, *kind, permission)) => {
            Err(insufficient(context, *first, permission))
        }
        _ => Ok(()),
    }
}

/// Refuses a request about another patient than the one of its token, where the settings require it (RS-05;
/// rule PXY-1 of the producers of national APIs). By default that patient is hidden like any other person: a
/// read is 404, a search finds nothing.
pub(crate) fn check_patient(context: &Context, request: &FhirRequest) -> Result<(), Refusal> {
    let status = context.status_for_other_patient;
    if status == 404 {
        return Ok(());
    }
    let of_patient = |constraints: Vec<ScopeConstraint>| constraints.iter().all(|only| only.is_of_patient);
    let is_bound = match context.caller.principal {
        Principal::Proxy { .. } => true,
        Principal::Citizen { .. } => {
            constraints(context, ResourceType::Patient, Permission::Read).is_some_and(of_patient)
        }
        Principal::Anyone | Principal::Staff { .. } | Principal::System { .. } | Principal::Service => false,
    };
    let Some(patient) = context.caller.principal.patient().filter(|_| is_bound) else {
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
    let message = "The request is about another patient than that of the access token.";
    let code = if status == 401 { IssueType::Login } else { IssueType::Forbidden };
    Err(Refusal::new(status, Issue::error(code, message)))
}

/// Refuses a write whose result the scopes do not allow (SC-03): it is rolled back.
pub(crate) fn check_written(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    permission: Permission,
) -> Result<(), Refusal> {
    if lets_through(tx, context, kind, id, permission)? {
        Ok(())
    } else {
        Err(insufficient(context, kind, permission))
    }
}

/// Whether the scopes let the caller read this resource, which they may see.
pub(crate) fn may_read(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
) -> Result<bool, Refusal> {
    Ok(permits(context, kind, Permission::Read) && lets_through(tx, context, kind, id, Permission::Read)?)
}

/// Refuses a request that would reveal a resource which the scopes do not let the caller read.
pub(crate) fn check_read(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
) -> Result<(), Refusal> {
    if may_read(tx, context, kind, id)? { Ok(()) } else { Err(insufficient(context, kind, Permission::Read)) }
}

/// Whether the scopes allow access to a row. Where they have no constraint, no statement is sent.
fn lets_through(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    permission: Permission,
) -> Result<bool, Refusal> {
    let Storage::Rows { table, .. } = kind.storage() else { return Ok(true) };
    let constraints =
        constraints(context, kind, permission).ok_or_else(|| insufficient(context, kind, permission))?;
    if constraints.contains(&ScopeConstraint::default()) {
        return Ok(true);
    }
    let filter = restrict(context, kind, permission, Filter::text(table.id(), id))?;
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: 1 };
    Ok(!tx.search(&query, context.scope())?.is_empty())
}
