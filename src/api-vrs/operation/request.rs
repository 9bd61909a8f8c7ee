//! The parts of a request that operations read, and the caller's view.

use actix_web::HttpRequest;
use uuid::Uuid;

use crate::problem::VrsError;
use crate::settings::{BASE_PATH, VrsSettings};
use domain::account::{Caller, Principal};
use domain::audit::People;
use domain::person::NhsNumber;
use service::access;
use service::policy::scope_of;
use service::proxy::query::{RolesFound, Viewer};
use web::gate::Gate;

/// The URL of this API.
pub(super) fn base_url(gate: &Gate) -> String {
    format!("{}{}", gate.public_url, BASE_PATH)
}

/// The requested path and query, below the base, unchanged: for self links.
pub(super) fn requested(request: &HttpRequest) -> &str {
    let whole = request.uri().path_and_query().map_or("", |whole| whole.as_str());
    whole.strip_prefix(BASE_PATH).unwrap_or(whole).trim_start_matches('/')
}

/// The id in the path; `None` unless it is a UUID with hyphens.
pub(super) fn id_in_path(request: &HttpRequest) -> Option<Uuid> {
    request.match_info().get("id").filter(|id| id.len() == 36).and_then(|id| Uuid::parse_str(id).ok())
}

/// The people and data that this caller may see on this API.
pub(super) fn viewer(gate: &Gate, settings: &VrsSettings, caller: &Caller) -> Viewer {
    let principal = &caller.principal;
    let hides = settings.contract.hide_strangers;
    Viewer {
        scope: scope_of(principal, settings.contract.staff_reach, gate.clock.now()),
        masked_for: settings.disclosure.masked_for(principal),
        among_strangers: principal.user().filter(|_| hides),
    }
}

/// Refuses data about people other than the caller. Where strangers are hidden the response is `missing`: the
/// contract's 403 would reveal that the resource exists and that its people may be disclosed.
pub(super) fn check_party(
    hides_strangers: bool,
    principal: &Principal,
    parties: &[NhsNumber],
    missing: VrsError,
) -> Result<(), VrsError> {
    match access::decide_parties(principal, parties) {
        Err(_refusal) if hides_strangers => Err(missing),
        decided => Ok(decided?),
    }
}

/// The two people of each role.
pub(super) fn people_of(found: &RolesFound) -> impl Iterator<Item = People> {
    found.roles.iter().map(|role| People { patient: Some(role.value.patient), proxy: Some(role.value.proxy) })
}
