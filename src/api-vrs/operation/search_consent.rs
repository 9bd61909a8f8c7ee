//! `GET /Consent`: the roles of a proxy, of a patient, or of both.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::gateway::{OperationRequirements, OperationResponse, execute};
use crate::operation::request::{base_url, people_of, requested, viewer};
use crate::problem::VrsError;
use crate::query::{QueryString, consent_search};
use crate::resource::{answer, consent_bundle};
use crate::settings::VrsSettings;
use ::web::caller::Authenticated;
use ::web::gate::Gate;
use domain::account::Permission;
use service::access;
use service::access::Action;
use service::proxy::query::{SearchError, search_roles};
use store::Lane;

/// What the operation asks of its caller.
pub(crate) const OPERATION: OperationRequirements = OperationRequirements {
    action: Action::SearchRoles,
    scope: ("Consent", Permission::Search),
    content_types: &[],
};

pub(crate) async fn search_consent(
    gate: Data<Gate>,
    settings: Data<VrsSettings>,
    caller: Authenticated<VrsError>,
    request: HttpRequest,
) -> Result<HttpResponse, VrsError> {
    execute(&gate, &request, caller, OPERATION, async |caller| {
        let query = QueryString::parse(request.query_string());
        let (search, includes) = consent_search(&query, settings.contract.nhs_number_check)?;
        let named: Vec<_> = search.proxy.into_iter().chain(search.patient).collect();
        access::decide_parties(&caller.principal, &named)?;
        let (clock, viewer) = (gate.clock.clone(), viewer(&gate, &settings, &caller));
        let found: Result<_, SearchError> = gate
            .read_as(caller.clone(), Lane::Ordinary, move |tx| {
                search_roles(tx, &*clock, &search, includes, &viewer)
            })
            .await;
        let found = found?;
        let bundle = consent_bundle(base_url(&gate), &found);
        let response = answer(StatusCode::OK, &bundle.render(requested(&request), false, gate.clock.now()));
        Ok(OperationResponse::showing(response, people_of(&found)))
    })
    .await
}
