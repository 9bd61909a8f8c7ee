//! `POST /QuestionnaireResponse`: a person hands in an access request.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::gateway::{Answer, FHIR_JSON, Operation, carry_out};
use crate::input::access_request;
use crate::operation::base_url;
use crate::problem::Problem;
use crate::resource::{created, reference_code};
use ::web::app::App;
use ::web::body;
use domain::account::Letter;
use domain::proxy::Applicant;
use service::access;
use service::access::Action;
use service::proxy::{SubmitError, submit_access_request};

const OPERATION: Operation = Operation {
    action: Action::SubmitAccessRequest,
    scope: ("QuestionnaireResponse", Letter::Create),
    content_types: FHIR_JSON,
};

pub(crate) async fn submit_questionnaire_response(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    carry_out(&app, &request, OPERATION, async |caller| {
        let body = body::read(request.headers(), payload, &app.limits, &app.room).await?;
        let (size, check, depth) = (body.len(), app.contract.nhs_number_check, app.limits.json_depth);
        let submission = app.cpu.run(size, move || access_request::read(&body, check, depth)).await??;
        let applicant = match submission.applicant {
            Applicant::Proxy => submission.proxy,
            Applicant::Patient => submission.patient,
        };
        access::decide_parties(&caller.who, &[applicant])?;
        let clock = app.clock.clone();
        let rules = app.contract.submission_rules();
        let submitted: Result<_, SubmitError> = app
            .write_as(caller.clone(), move |tx| {
                submit_access_request(tx, &*clock, &caller, submission.clone(), rules)
            })
            .await;
        let submitted = submitted.map_err(|error| match error {
            SubmitError::Duplicate => catalogue::DUPLICATE_RELATIONSHIP,
            SubmitError::TooManyOpen => catalogue::TOO_MANY_OPEN_REQUESTS,
            SubmitError::Store(error) => error.into(),
        })?;
        let location = format!("{}/QuestionnaireResponse/{}", base_url(&app), submitted.value.value.id);
        let response =
            created(StatusCode::OK, location, &reference_code(&submitted.value.value.reference_code));
        Ok(Answer::to(&submitted, response))
    })
    .await
}
