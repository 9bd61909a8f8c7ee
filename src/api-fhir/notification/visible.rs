//! Which events a caller may read now (N-33).

use std::collections::{HashMap, HashSet};

use crate::authorize;
use crate::context::Context;
use crate::resource::resource_type::ResourceType;
use crate::resource::subscription::topic::type_of;
use base::error::Error;
use domain::account::{Permission, Principal};
use domain::event::{Event, Topic};
use service::access;
use service::access::Action;
use store::Tx;
use store::search::{Filter, PageQuery, Visibility};

/// Whether the caller may read the subject of each of these events now: one statement for each type, and one
/// for roles that may no longer be disclosed; for such a role, whether the caller could have read it. Whether
/// the grant of the caller is still valid has been checked: an API does so for a request, delivery and
/// numbering for the owner of a subscription.
pub(crate) fn visible(tx: &mut Tx<'_>, context: &Context, events: &[&Event]) -> Result<Vec<bool>, Error> {
    let mut wanted: HashMap<ResourceType, Vec<String>> = HashMap::new();
    for event in events.iter().filter(|event| event.topic != Topic::RoleDeleted) {
        wanted.entry(type_of(event.topic)).or_default().push(event.subject_parts().1.to_owned());
    }
    let mut seen: HashSet<(ResourceType, String)> = HashSet::new();
    for (kind, mut ids) in wanted {
        ids.sort_unstable();
        ids.dedup();
        seen.extend(find(tx, context, kind, ids)?.into_iter().map(|id| (kind, id)));
    }
    let reached = reached(tx, context, events)?;
    let may = |event: &&Event| match event.topic {
        Topic::RoleDeleted => {
            let is_reached = reached.as_ref().is_none_or(|ids| ids.contains(event.subject_parts().1));
            is_reached && could_see(context, event)
        }
        Topic::RoleCreated
        | Topic::RoleChanged
        | Topic::RoleReminder
        | Topic::AccessRequestSubmitted
        | Topic::RelationshipChanged => {
            seen.contains(&(type_of(event.topic), event.subject_parts().1.to_owned()))
        }
    };
    Ok(events.iter().map(may).collect())
}

/// Of the roles that may no longer be disclosed, those that are within reach of the caller's organisation;
/// `None` for a caller without one. One statement, if there are such roles.
fn reached(tx: &mut Tx<'_>, context: &Context, events: &[&Event]) -> Result<Option<HashSet<String>>, Error> {
    let Visibility::Organisation(organisation) = context.scope() else { return Ok(None) };
    let deleted = events.iter().filter(|event| event.topic == Topic::RoleDeleted);
    let ids: Vec<String> = deleted.map(|event| event.subject_parts().1.to_owned()).collect();
    Ok(Some(match organisation {
        Some(organisation) if !ids.is_empty() => {
            tx.list_roles_reached(&ids, &organisation)?.into_iter().collect()
        }
        Some(_) | None => HashSet::new(),
    }))
}

/// The subjects among these that a read would find.
fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    ids: Vec<String>,
) -> Result<Vec<String>, Error> {
    let Some((table, _)) = kind.tables().filter(|_| may_read(&context.caller.principal, kind)) else {
        return Ok(Vec::new());
    };
    let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let Ok(filter) = authorize::restrict(context, kind, Permission::Read, Filter::OneOf(table.id(), ids))
    else {
        return Ok(Vec::new());
    };
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit };
    Ok(tx.search(&query, context.scope())?.into_iter().map(|found| found.id).collect())
}

/// Whether this kind of caller may ever read resources of this type.
fn may_read(principal: &Principal, kind: ResourceType) -> bool {
    let action = if kind == ResourceType::Consent { Action::SearchRoles } else { Action::ReadRecords };
    access::decide_kind(principal, action).is_ok()
}

/// Whether the caller could have read a role that may no longer be disclosed: it is between people within
/// their reach, and a scope allows such roles, whatever their content.
fn could_see(context: &Context, event: &Event) -> bool {
    let caller = &context.caller;
    let is_theirs = access::decide_parties(&caller.principal, &[event.patient, event.proxy]).is_ok();
    let constraints = caller.granted_scopes.constraints(ResourceType::Consent.name(), Permission::Read);
    let lets_through = constraints.unwrap_or_default().iter().any(|only| {
        only.params.is_empty() && (!only.is_of_patient || caller.principal.patient() == Some(event.patient))
    });
    is_theirs && may_read(&caller.principal, ResourceType::Consent) && lets_through
}
