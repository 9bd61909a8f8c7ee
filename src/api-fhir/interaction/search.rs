//! search: one type, several, all, or a patient's compartment.

use crate::authorize;
use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::FhirRequest;
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use crate::search;
use crate::search::SearchScope;
use crate::search::caps::List;
use crate::search::filter::check_common;
use crate::search::filter::criterion::of_patient;
use crate::search::query::SearchQuery;
use domain::account::Permission;
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::Filter;

pub(crate) fn search(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let query = SearchQuery::read(&request.params)?;
    let mut patient = None;
    let members = &request.target.members;
    let mut kinds = match request.target.kind {
        _ if !members.is_empty() => {
            let id = request.target.id.as_deref().unwrap_or_default();
            check_patient(tx, context, id)?;
            patient = Some(id);
            members.clone()
        }
        Some(kind) => vec![kind],
        None => ResourceType::ALL.to_vec(),
    };
    if let Some(asked) = types(request)? {
        kinds.retain(|kind| asked.contains(kind));
    }
    // Checked before the scopes: the same query is an error for every caller, or for none.
    check_common(&kinds, &query.criteria)?;
    // Of several types, those that no scope allows are left out (SC-06).
    kinds.retain(|kind| authorize::permits(context, *kind, Permission::Search));
    let path = request.path.trim_end_matches("_search").trim_end_matches('/');
    let within = |kind| patient.map_or(Filter::EVERYTHING, |id| of_patient(kind, id));
    let kinds = kinds.into_iter().map(|kind| (kind, within(kind))).collect();
    let found = SearchScope { kinds, path };
    let (disclosed, bundle) = search::search(tx, context, &found, &query)?;
    Ok(Reply::made_of(disclosed, bundle))
}

/// Refuses the compartment of a patient whom the caller cannot see. For a caller whose scopes allow no
/// Patient, the compartment of an unknown patient is empty, so that its existence is not revealed.
fn check_patient(tx: &mut Tx<'_>, context: &Context, id: &str) -> Result<(), Refusal> {
    let kind = ResourceType::Patient;
    let permission = [Permission::Read, Permission::Search]
        .into_iter()
        .find(|permission| authorize::permits(context, kind, *permission));
    let Some(permission) = permission else { return Ok(()) };
    read::find(tx, context, kind, id, permission)?.map(|_| ()).ok_or_else(Refusal::not_found)
}

/// `_type`: the types of a search of all types, or of a compartment; `None` where it is absent.
fn types(request: &FhirRequest) -> Result<Option<Vec<ResourceType>>, Refusal> {
    let asked = request.params.iter().filter(|(name, value)| name == "_type" && !value.is_empty());
    let names: Vec<&str> = asked.flat_map(|(_, value)| value.split(',')).collect();
    List::Types.check(names.len())?;
    if names.is_empty() {
        return Ok(None);
    }
    let message = "_type contains a resource type that this server does not have.";
    let unknown = || Refusal::new(400, Issue::error(IssueType::NotSupported, message));
    names
        .into_iter()
        .map(|name| ResourceType::parse(name).ok_or_else(unknown))
        .collect::<Result<_, _>>()
        .map(Some)
}
