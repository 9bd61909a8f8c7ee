//! What the operations read of a request, and what its caller may see.

use actix_web::HttpRequest;
use uuid::Uuid;

use crate::problem::Problem;
use crate::settings::{BASE_PATH, VrsSettings};
use domain::account::{Caller, Who};
use domain::audit::People;
use domain::person::NhsNumber;
use service::access;
use service::policy::scope_of;
use service::proxy::query::{RolesFound, Viewer};
use web::gate::Gate;

/// The URL of this front.
pub(super) fn base_url(gate: &Gate) -> String {
    format!("{}{}", gate.public_url, BASE_PATH)
}

/// What was asked for, below the base, as it was asked for: for self links.
pub(super) fn requested(request: &HttpRequest) -> &str {
    let whole = request.uri().path_and_query().map_or("", |whole| whole.as_str());
    whole.strip_prefix(BASE_PATH).unwrap_or(whole).trim_start_matches('/')
}

/// The id in the path; `None` unless it is a UUID with hyphens.
pub(super) fn id_in_path(request: &HttpRequest) -> Option<Uuid> {
    request.match_info().get("id").filter(|id| id.len() == 36).and_then(|id| Uuid::parse_str(id).ok())
}

/// What this caller may see on this front, and how.
pub(super) fn viewer(gate: &Gate, settings: &VrsSettings, caller: &Caller) -> Viewer {
    let who = &caller.who;
    let hides = settings.contract.hide_strangers;
    Viewer {
        scope: scope_of(who, settings.contract.staff_reach, gate.clock.now()),
        masked_for: settings.disclosure.masked_for(who),
        among_strangers: who.user().filter(|_| hides),
    }
}

/// Refuses what is between others. Where strangers are hidden it is as if there were no such thing (`missing`): the
/// contract's 403 would tell that there is, and that its people may appear.
pub(super) fn check_party(
    hides_strangers: bool,
    who: &Who,
    parties: &[NhsNumber],
    missing: Problem,
) -> Result<(), Problem> {
    match access::decide_parties(who, parties) {
        Err(_refusal) if hides_strangers => Err(missing),
        decided => Ok(decided?),
    }
}

/// The two people of each role.
pub(super) fn people_of(found: &RolesFound) -> impl Iterator<Item = People> {
    found.roles.iter().map(|role| People { patient: Some(role.value.patient), proxy: Some(role.value.proxy) })
}
