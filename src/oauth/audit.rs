//! The access records of the authorization server: log-ins, issued and refused tokens, ended grants,
//! registrations, and disclosures about people. Each is stored before the response.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::problem::OAuthError;
use base::error::Error;
use domain::account::identity::{Proven, ProvenKind};
use domain::account::{Caller, Grant, GrantType, Principal, Registration};
use domain::audit::{Access, Act, Actor};
use service::account::IssuedTokens;
use web::error::ApiError as _;
use web::gate::Gate;
use web::record;

/// A token that was issued to an app, or refused.
pub(super) async fn token(
    gate: &Gate,
    (client, request_id): (&Registration, Option<String>),
    grant_type: GrantType,
    result: Result<IssuedTokens, OAuthError>,
) -> Result<IssuedTokens, OAuthError> {
    let now = gate.clock.now();
    let act = if grant_type == GrantType::TokenExchange { Act::TokenExchanged } else { Act::TokenIssued };
    let access = match &result {
        Ok(issue) => {
            let grant = &issue.grant;
            let actor = Actor { request_id, ..actor(client, grant) };
            Access::new(act, actor, now).about(grant.patient, grant.proxy)
        }
        Err(problem) => {
            let actor = Actor { request_id, ..Actor::app(&client.client_id) };
            Access::new(Act::TokenRefused, actor, now).refused(problem.code())
        }
    };
    record::answer(gate, vec![access], result).await
}

/// A log-in at a provider.
pub(super) async fn log_in(gate: &Gate, client: &Registration, proven: &Proven) -> Result<(), Error> {
    let principal = principal_of(proven);
    let number = principal.as_ref().and_then(Principal::user);
    let access = Access::new(Act::LoggedIn, acting(&client.client_id, principal), gate.clock.now());
    gate.record(vec![access.about(number, None)]).await
}

/// The link of a second identity: stored in the same transaction as the link.
pub(super) fn identity_linked(client_id: &str, first: &Proven, at: DateTime<Utc>) -> Access {
    let principal = principal_of(first);
    let number = principal.as_ref().and_then(Principal::user);
    Access::new(Act::IdentityLinked, acting(client_id, principal), at).about(number, None)
}

/// The principal that a provider has proved.
fn principal_of(proven: &Proven) -> Option<Principal> {
    match &proven.kind {
        ProvenKind::Citizen { nhs_number, vot } => {
            nhs_number.map(|nhs_number| Principal::Citizen { nhs_number, proofing: vot.proofing })
        }
        ProvenKind::Staff { uid, organisation } => {
            Some(Principal::Staff { name: uid.clone(), organisation: Some(organisation.clone()) })
        }
    }
}

/// The registration of an app.
pub(super) async fn registration(
    gate: &Gate,
    client_id: &str,
    request_id: Option<String>,
) -> Result<(), Error> {
    let actor = Actor { request_id, ..Actor::app(client_id) };
    gate.record(vec![Access::new(Act::ClientRegistered, actor, gate.clock.now())]).await
}

/// The actor of a grant.
fn actor(client: &Registration, grant: &Grant) -> Actor {
    let proofing = grant.vot.as_ref().map(|vot| vot.proofing);
    let principal = match (grant.patient, grant.proxy, grant.role, proofing) {
        (Some(patient), Some(proxy), Some(role), _) => Some(Principal::Proxy { proxy, patient, role }),
        (Some(nhs_number), None, None, Some(proofing)) => Some(Principal::Citizen { nhs_number, proofing }),
        _ => {
            let organisation = grant.organisation.clone();
            grant.staff.clone().map(|name| Principal::Staff { name, organisation })
        }
    };
    acting(&client.client_id, principal)
}

fn acting(client_id: &str, principal: Option<Principal>) -> Actor {
    let Some(principal) = principal else { return Actor::app(client_id) };
    let app: Arc<str> = client_id.into();
    Actor::of(&Caller { app: Some(app), ..Caller::direct(principal) })
}
