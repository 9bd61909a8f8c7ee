//! `GET /QuestionnaireResponse/{id}`: an access request as it was submitted.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::gateway::{OperationRequirements, OperationResponse, execute};
use crate::operation::request::{check_party, id_in_path, viewer};
use crate::problem::VrsError;
use crate::resource::{access_request, answer};
use crate::settings::VrsSettings;
use ::web::caller::Authenticated;
use ::web::gate::Gate;
use base::error::Error;
use domain::account::Permission;
use domain::audit::People;
use service::access::Action;
use store::Lane;
use store::search::Visibility;

/// What the operation asks of its caller.
pub(crate) const OPERATION: OperationRequirements = OperationRequirements {
    action: Action::ReadAccessRequest,
    scope: ("QuestionnaireResponse", Permission::Read),
    content_types: &[],
};

pub(crate) async fn read_questionnaire_response(
    gate: Data<Gate>,
    settings: Data<VrsSettings>,
    caller: Authenticated<VrsError>,
    request: HttpRequest,
) -> Result<HttpResponse, VrsError> {
    execute(&gate, &request, caller, OPERATION, async |caller| {
        let id = id_in_path(&request).ok_or(catalogue::INVALID_ACCESS_REQUEST_ID)?;
        let (scope, reader) = (viewer(&gate, &settings, &caller).scope, caller.principal.user());
        let found: Result<_, Error> = gate
            .read_as(caller.clone(), Lane::Ordinary, move |tx| {
                let Some(found) = tx.find_access_request(id, reader)? else { return Ok(None) };
                let is_limited = matches!(scope, Visibility::Organisation(_));
                let is_reached = !is_limited || tx.may_see_person(found.value.patient, scope)?;
                Ok(Some(found).filter(|_| is_reached))
            })
            .await;
        let found = found?.ok_or(catalogue::QUESTIONNAIRE_RESPONSE_NOT_FOUND)?.value;
        let parties = [found.proxy, found.patient];
        check_party(
            settings.contract.hide_strangers,
            &caller.principal,
            &parties,
            catalogue::QUESTIONNAIRE_RESPONSE_NOT_FOUND,
        )?;
        let people = People { patient: Some(found.patient), proxy: Some(found.proxy) };
        Ok(OperationResponse::showing(answer(StatusCode::OK, &access_request(&found)?), [people]))
    })
    .await
}
