//! `POST /QuestionnaireResponse`: submits an access request.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::gateway::{FHIR_JSON, OperationRequirements, OperationResponse, execute};
use crate::input::access_request;
use crate::operation::request::base_url;
use crate::problem::VrsError;
use crate::resource::{created, reference_code};
use crate::settings::VrsSettings;
use ::web::body::Bodies;
use ::web::caller::Authenticated;
use ::web::gate::Gate;
use base::ids;
use domain::account::Permission;
use domain::proxy::Applicant;
use service::access;
use service::access::Action;
use service::proxy::{SubmitError, submit_access_request};

/// What the operation asks of its caller.
pub(crate) const OPERATION: OperationRequirements = OperationRequirements {
    action: Action::SubmitAccessRequest,
    scope: ("QuestionnaireResponse", Permission::Create),
    content_types: FHIR_JSON,
};

pub(crate) async fn submit_questionnaire_response(
    gate: Data<Gate>,
    settings: Data<VrsSettings>,
    bodies: Data<Bodies>,
    caller: Authenticated<VrsError>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, VrsError> {
    execute(&gate, &request, caller, OPERATION, async |caller| {
        let body = bodies.read(request.headers(), payload).await?;
        let (size, check, depth) = (body.len(), settings.contract.nhs_number_check, bodies.limits.json_depth);
        let submission = bodies.cpu.run(size, move || access_request::read(&body, check, depth)).await??;
        let applicant = match submission.applicant {
            Applicant::Proxy => submission.proxy,
            Applicant::Patient => submission.patient,
        };
        access::decide_parties(&caller.principal, &[applicant])?;
        let clock = gate.clock.clone();
        let rules = settings.contract.submission_rules();
        let submitted: Result<_, SubmitError> = gate
            .write_as(caller.clone(), move |tx| {
                submit_access_request(
                    tx,
                    &*clock,
                    &caller,
                    ids::new_uuid(clock.now()),
                    submission.clone(),
                    rules,
                )
            })
            .await;
        let submitted = submitted.map_err(|error| match error {
            SubmitError::Duplicate => catalogue::DUPLICATE_RELATIONSHIP,
            SubmitError::TooManyOpen => catalogue::TOO_MANY_OPEN_REQUESTS,
            SubmitError::Store(error) => error.into(),
        })?;
        let location = format!("{}/QuestionnaireResponse/{}", base_url(&gate), submitted.value.value.id);
        let response =
            created(StatusCode::OK, location, &reference_code(&submitted.value.value.reference_code));
        Ok(OperationResponse::to(&submitted, response))
    })
    .await
}
