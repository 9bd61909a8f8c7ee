//! `POST /Consent`: creates a role.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::gateway::{FHIR_JSON, OperationRequirements, OperationResponse, execute};
use crate::input::{consent, patch};
use crate::operation::request::{base_url, viewer};
use crate::problem::VrsError;
use crate::resource::{created, informational};
use crate::settings::VrsSettings;
use ::web::body::Bodies;
use ::web::caller::Authenticated;
use ::web::gate::Gate;
use base::ids;
use domain::account::Permission;
use domain::proxy::RoleError;
use service::access::Action;
use service::proxy::{CreateRoleError, create_role};
use store::Tx;
use store::search::Visibility;

/// What the operation asks of its caller.
pub(crate) const OPERATION: OperationRequirements = OperationRequirements {
    action: Action::CreateRole,
    scope: ("Consent", Permission::Create),
    content_types: FHIR_JSON,
};

pub(crate) async fn create_consent(
    gate: Data<Gate>,
    settings: Data<VrsSettings>,
    bodies: Data<Bodies>,
    caller: Authenticated<VrsError>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, VrsError> {
    execute(&gate, &request, caller, OPERATION, async |caller| {
        let body = bodies.read(request.headers(), payload).await?;
        let (size, within) = (body.len(), caller.clone());
        let (contract, depth, now) = (settings.contract, bodies.limits.json_depth, gate.clock.now());
        let read = move || consent::read(&body, &contract, depth, now);
        let draft = bodies.cpu.run(size, read).await??;
        let (clock, rules) = (gate.clock.clone(), settings.contract.rules);
        let scope = viewer(&gate, &settings, &caller).scope;
        let create = move |tx: &mut Tx<'_>| {
            if matches!(scope, Visibility::Organisation(_))
                && !tx.may_see_person(draft.patient, scope.clone())?
            {
                return Err(CreateRoleError::UnknownPatient);
            }
            create_role(tx, &*clock, &within, ids::new_uuid(clock.now()), draft.clone(), rules)
        };
        let role = gate.write_as(caller, create).await?;
        let location = format!("{}/Consent/{}", base_url(&gate), role.value.value.id);
        Ok(OperationResponse::to(&role, created(StatusCode::CREATED, location, &informational())))
    })
    .await
}

impl From<CreateRoleError> for VrsError {
    fn from(error: CreateRoleError) -> Self {
        match error {
            // A status that may not be created, or not with this reason.
            CreateRoleError::Rule(RoleError::InvalidTransition | RoleError::ReasonNotAllowed) => {
                catalogue::BAD_REQUEST
            }
            CreateRoleError::Rule(RoleError::End(_)) => {
                catalogue::INVALID_PROVISION.at("provision.period.end")
            }
            CreateRoleError::Rule(rule) => patch::rule_problem(rule),
            CreateRoleError::UnknownPatient => catalogue::INVALID_PATIENT.at("patient"),
            CreateRoleError::UnknownProxy => catalogue::INVALID_PERFORMER.at("performer"),
            CreateRoleError::Duplicate => catalogue::DUPLICATE_RELATIONSHIP,
            CreateRoleError::Store(error) => error.into(),
        }
    }
}
