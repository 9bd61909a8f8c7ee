//! The seven operations, one per file.

mod create_consent;
mod patch_consent;
mod read_consent;
mod read_questionnaire_response;
mod search_consent;
mod search_related_person;
mod submit_questionnaire_response;

pub(crate) use create_consent::create_consent;
pub(crate) use patch_consent::patch_consent;
pub(crate) use read_consent::read_consent;
pub(crate) use read_questionnaire_response::read_questionnaire_response;
pub(crate) use search_consent::search_consent;
pub(crate) use search_related_person::search_related_person;
pub(crate) use submit_questionnaire_response::submit_questionnaire_response;

use actix_web::HttpRequest;
use uuid::Uuid;

use crate::VrsSettings;
use crate::catalogue;
use crate::problem::Problem;
use domain::account::{Caller, Who};
use domain::audit::People;
use domain::person::NhsNumber;
use service::access;
use service::policy::scope_of;
use service::proxy::query::{RolesFound, SearchError, Viewer};
use web::gate::Gate;

/// The URL of this front.
fn base_url(gate: &Gate) -> String {
    format!("{}{}", gate.public_url, super::BASE_PATH)
}

/// What was asked for, below the base, as it was asked for: for self links.
fn requested(request: &HttpRequest) -> &str {
    let whole = request.uri().path_and_query().map_or("", |whole| whole.as_str());
    whole.strip_prefix(super::BASE_PATH).unwrap_or(whole).trim_start_matches('/')
}

/// The id in the path; `None` unless it is a UUID with hyphens.
fn id_in_path(request: &HttpRequest) -> Option<Uuid> {
    request.match_info().get("id").filter(|id| id.len() == 36).and_then(|id| Uuid::parse_str(id).ok())
}

/// What this caller may see on this front, and how.
fn viewer(gate: &Gate, settings: &VrsSettings, caller: &Caller) -> Viewer {
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
fn check_party(
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
fn people_of(found: &RolesFound) -> impl Iterator<Item = People> {
    found.roles.iter().map(|role| People { patient: Some(role.value.patient), proxy: Some(role.value.proxy) })
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::UnknownPerson => catalogue::INVALIDATED_RESOURCE,
            SearchError::NoPractice => catalogue::GP_PRACTICE_NOT_FOUND,
            SearchError::Store(error) => error.into(),
        }
    }
}
