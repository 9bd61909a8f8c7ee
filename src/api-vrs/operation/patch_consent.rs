//! `PATCH /Consent/{id}`: changes a role.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::gateway::{Answer, JSON_PATCH, Operation, carry_out};
use crate::input::patch;
use crate::operation::request::{check_party, id_in_path, viewer};
use crate::problem::Problem;
use crate::resource::{answer, informational};
use crate::settings::VrsSettings;
use ::web::body::Bodies;
use ::web::caller::Authenticated;
use ::web::gate::Gate;
use base::error::{Error, Kind};
use domain::account::Letter;
use domain::proxy::RoleError;
use service::access::Action;
use service::proxy::change_role;
use store::search::Scope;

/// What the operation asks of its caller.
pub(crate) const OPERATION: Operation =
    Operation { action: Action::ChangeRole, scope: ("Consent", Letter::Update), content_types: JSON_PATCH };

pub(crate) async fn patch_consent(
    gate: Data<Gate>,
    settings: Data<VrsSettings>,
    bodies: Data<Bodies>,
    caller: Authenticated<Problem>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    carry_out(&gate, &request, caller, OPERATION, async |caller| {
        let body = bodies.read(request.headers(), payload).await?;
        let id = id_in_path(&request).ok_or(catalogue::RESOURCE_NOT_FOUND)?;
        let contract = settings.contract;
        // A missing role is reported before a patch that cannot be read.
        let (size, depth) = (body.len(), bodies.limits.json_depth);
        let patch = bodies.cpu.run(size, move || patch::read(&body, &contract, depth)).await?;
        let (clock, now) = (gate.clock.clone(), gate.clock.now());
        let (scope, hides) = (viewer(&gate, &settings, &caller).scope, settings.contract.hide_strangers);
        let changed: Result<_, PatchRefused> = gate
            .write_as(caller.clone(), move |tx| {
                let who = &caller.who;
                if matches!(scope, Scope::Organisation(_))
                    && tx.find_role_within(id, scope.clone())?.is_none()
                {
                    return Err(catalogue::RESOURCE_NOT_FOUND.into());
                }
                change_role(tx, &*clock, &caller, id, contract.rules, |role| {
                    check_party(hides, who, &[role.proxy, role.patient], catalogue::RESOURCE_NOT_FOUND)?;
                    let patch = patch.as_ref().map_err(Problem::clone)?;
                    Ok(patch.propose(role, who, &contract, now)?)
                })
            })
            .await;
        Ok(Answer::to(&changed?, answer(StatusCode::OK, &informational())))
    })
    .await
}

/// A [`Problem`] from inside the transaction.
struct PatchRefused(Problem);

impl From<Problem> for PatchRefused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<RoleError> for PatchRefused {
    fn from(rule: RoleError) -> Self {
        Self(patch::rule_problem(rule))
    }
}

impl From<Error> for PatchRefused {
    fn from(error: Error) -> Self {
        let is_missing = error.kind() == Kind::NotFound;
        Self(if is_missing { catalogue::RESOURCE_NOT_FOUND } else { error.into() })
    }
}

impl From<PatchRefused> for Problem {
    fn from(refused: PatchRefused) -> Self {
        refused.0
    }
}
