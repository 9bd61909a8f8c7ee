//! `GET /RelatedPerson`: the verified relationships of a proxy, of a patient, or of both.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::gateway::{OperationRequirements, OperationResponse, execute};
use crate::operation::request::{base_url, requested, viewer};
use crate::problem::VrsError;
use crate::query::{QueryString, includes_patients, related_person_search};
use crate::resource::{Bundle, ProofingDisplay, answer, patient, related_person};
use crate::settings::VrsSettings;
use ::web::caller::Authenticated;
use ::web::gate::Gate;
use domain::account::Permission;
use domain::audit::People;
use domain::proxy::Relationship;
use service::access;
use service::access::Action;
use service::proxy::query::{SearchError, search_relationships};
use store::Lane;

/// What the operation asks of its caller.
pub(crate) const OPERATION: OperationRequirements = OperationRequirements {
    action: Action::SearchRelationships,
    scope: ("RelatedPerson", Permission::Search),
    content_types: &[],
};

pub(crate) async fn search_related_person(
    gate: Data<Gate>,
    settings: Data<VrsSettings>,
    caller: Authenticated<VrsError>,
    request: HttpRequest,
) -> Result<HttpResponse, VrsError> {
    execute(&gate, &request, caller, OPERATION, async |caller| {
        let query = QueryString::parse(request.query_string());
        let (proxy, for_patient) = related_person_search(&query, settings.contract.nhs_number_check)?;
        let named: Vec<_> = proxy.into_iter().chain(for_patient).collect();
        access::decide_parties(&caller.principal, &named)?;
        let viewer = viewer(&gate, &settings, &caller);
        let found: Result<_, SearchError> = gate
            .read_as(caller.clone(), Lane::Ordinary, move |tx| {
                search_relationships(tx, proxy, for_patient, &viewer)
            })
            .await;
        let found = found?;
        let mut bundle = Bundle::new(base_url(&gate));
        for relationship in &found.relationships {
            let patient = found.patients.iter().find(|person| person.nhs_number == relationship.patient);
            bundle.matched(related_person(relationship, patient));
        }
        if includes_patients(&query) {
            found
                .patients
                .iter()
                .for_each(|person| bundle.included(patient(person, ProofingDisplay::Hidden)));
        }
        let response = answer(StatusCode::OK, &bundle.render(requested(&request), true, gate.clock.now()));
        let pair = |found: &Relationship| People { patient: Some(found.patient), proxy: Some(found.proxy) };
        Ok(OperationResponse::showing(response, found.relationships.iter().map(pair)))
    })
    .await
}
