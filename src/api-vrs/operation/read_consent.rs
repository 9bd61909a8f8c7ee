//! `GET /Consent/{id}`: one role, as a searchset.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::gateway::{OperationRequirements, OperationResponse, execute};
use crate::operation::request::{base_url, check_party, id_in_path, people_of, requested, viewer};
use crate::problem::VrsError;
use crate::query::{QueryString, includes};
use crate::resource::{answer, consent_bundle};
use crate::settings::VrsSettings;
use ::web::caller::Authenticated;
use ::web::gate::Gate;
use base::error::Error;
use domain::account::Permission;
use service::access::Action;
use service::proxy::query::read_role;
use store::Lane;

/// What the operation asks of its caller.
pub(crate) const OPERATION: OperationRequirements = OperationRequirements {
    action: Action::ReadRole,
    scope: ("Consent", Permission::Read),
    content_types: &[],
};

pub(crate) async fn read_consent(
    gate: Data<Gate>,
    settings: Data<VrsSettings>,
    caller: Authenticated<VrsError>,
    request: HttpRequest,
) -> Result<HttpResponse, VrsError> {
    execute(&gate, &request, caller, OPERATION, async |caller| {
        let query = QueryString::parse(request.query_string());
        if query.names().any(|name| name != "_include") {
            return Err(catalogue::INVALID_INCLUDE_PARAMETER);
        }
        let bad_id = || catalogue::INVALID_ID_VALUE.with_status(settings.contract.status_for_bad_id);
        let id = id_in_path(&request).ok_or_else(bad_id)?;
        let includes = includes(&query)?;
        let (clock, viewer) = (gate.clock.clone(), viewer(&gate, &settings, &caller));
        let found: Result<_, Error> = gate
            .read_as(caller.clone(), Lane::Brief, move |tx| read_role(tx, &*clock, id, includes, &viewer))
            .await;
        let found = found?.ok_or(catalogue::INVALIDATED_RESOURCE)?;
        for role in &found.roles {
            let parties = [role.value.proxy, role.value.patient];
            check_party(
                settings.contract.hide_strangers,
                &caller.principal,
                &parties,
                catalogue::INVALIDATED_RESOURCE,
            )?;
        }
        let bundle = consent_bundle(base_url(&gate), &found);
        let response = answer(StatusCode::OK, &bundle.render(requested(&request), false, gate.clock.now()));
        Ok(OperationResponse::showing(response, people_of(&found)))
    })
    .await
}
