//! `PATCH /Consent/{id}`: changes a role.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::gateway::{JSON_PATCH, OperationRequirements, OperationResponse, execute};
use crate::input::patch;
use crate::operation::request::{check_party, id_in_path, viewer};
use crate::problem::VrsError;
use crate::resource::{answer, informational};
use crate::settings::VrsSettings;
use ::web::body::Bodies;
use ::web::caller::Authenticated;
use ::web::gate::Gate;
use base::error::{Error, ErrorKind};
use domain::account::Permission;
use domain::proxy::RoleError;
use service::access::Action;
use service::proxy::change_role;
use store::search::Visibility;

/// What the operation asks of its caller.
pub(crate) const OPERATION: OperationRequirements = OperationRequirements {
    action: Action::ChangeRole,
    scope: ("Consent", Permission::Update),
    content_types: JSON_PATCH,
};

pub(crate) async fn patch_consent(
    gate: Data<Gate>,
    settings: Data<VrsSettings>,
    bodies: Data<Bodies>,
    caller: Authenticated<VrsError>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, VrsError> {
    execute(&gate, &request, caller, OPERATION, async |caller| {
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
                let principal = &caller.principal;
                if matches!(scope, Visibility::Organisation(_))
                    && tx.find_role_within(id, scope.clone())?.is_none()
                {
                    return Err(catalogue::RESOURCE_NOT_FOUND.into());
                }
                change_role(tx, &*clock, &caller, id, contract.rules, |role| {
                    check_party(
                        hides,
                        principal,
                        &[role.proxy, role.patient],
                        catalogue::RESOURCE_NOT_FOUND,
                    )?;
                    let patch = patch.as_ref().map_err(VrsError::clone)?;
                    Ok(patch.propose(role, principal, &contract, now)?)
                })
            })
            .await;
        Ok(OperationResponse::to(&changed?, answer(StatusCode::OK, &informational())))
    })
    .await
}

/// A [`VrsError`] from inside the transaction.
struct PatchRefused(VrsError);

impl From<VrsError> for PatchRefused {
    fn from(problem: VrsError) -> Self {
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
        let is_missing = error.kind() == ErrorKind::NotFound;
        Self(if is_missing { catalogue::RESOURCE_NOT_FOUND } else { error.into() })
    }
}

impl From<PatchRefused> for VrsError {
    fn from(refused: PatchRefused) -> Self {
        refused.0
    }
}
