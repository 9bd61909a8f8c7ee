//! The checks before an operation, in the order of contract §2.3: token (401) and rate (429), both before the
//! handler gets its caller ([`web::caller`]); content type (415), kind of caller and scope (403), headers
//! (400). Whether the grant of a token is still valid is read in the transaction of the operation.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::header;
use crate::problem::VrsError;
use domain::account::{Caller, Permission};
use domain::audit::{Access, Act, Actor, Disclosure, Interaction, People};
use service::access;
use service::access::Action;
use web::caller::Authenticated;
use web::error::ApiError;
use web::gate::{Gate, Written};
use web::record;

/// The requirements of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperationRequirements {
    /// The action for access control and audit.
    pub(crate) action: Action,
    /// The required scope: a resource type and a permission.
    pub(crate) scope: (&'static str, Permission),
    /// The accepted content types of the body; empty where it has no body.
    pub(crate) content_types: &'static [&'static str],
}

/// A FHIR resource in a body. The match is exact, as the national gateway's is.
pub(crate) const FHIR_JSON: &[&str] = &["application/fhir+json", "application/fhir+json; charset=utf-8"];
/// A JSON Patch (RFC 6902) in a body.
pub(crate) const JSON_PATCH: &[&str] = &["application/json-patch+json"];

/// The response of an operation, and the people whose data it contains.
pub(crate) struct OperationResponse {
    response: HttpResponse,
    disclosed: Vec<People>,
    is_recorded: bool,
}

impl OperationResponse {
    /// A response with data of these people, or of none.
    pub(crate) fn showing(response: HttpResponse, disclosed: impl IntoIterator<Item = People>) -> Self {
        Self { response, disclosed: disclosed.into_iter().collect(), is_recorded: false }
    }

    /// The response to a write.
    pub(crate) fn to<T>(written: &Written<T>, response: HttpResponse) -> Self {
        Self { response, disclosed: Vec::new(), is_recorded: written.is_recorded }
    }
}

/// Runs an operation for its caller. This is the one place where the accesses of this API are recorded: no
/// response is sent before, for any caller. A change has its record already.
pub(crate) async fn execute(
    gate: &Gate,
    request: &HttpRequest,
    caller: Authenticated<VrsError>,
    operation: OperationRequirements,
    work: impl AsyncFnOnce(Caller) -> Result<OperationResponse, VrsError>,
) -> Result<HttpResponse, VrsError> {
    let caller = caller.into_inner();
    let mut access = asked(gate, request, operation, &caller);
    let result = match authorize(request, operation, &caller) {
        Ok(()) => work(caller).await,
        Err(problem) => Err(problem),
    };
    match result {
        Ok(OperationResponse { response, is_recorded: true, .. }) => Ok(response),
        Ok(OperationResponse { response, disclosed, is_recorded: false }) => {
            access.disclosed = disclosed.into_iter().map(Disclosure::Of).collect();
            record::answer(gate, vec![access], Ok(response)).await
        }
        Err(problem) => {
            let access = access.ended(ApiError::outcome(&problem));
            record::answer(gate, vec![access], Err(problem)).await
        }
    }
}

/// The access record of a request, as if it were allowed.
fn asked(gate: &Gate, request: &HttpRequest, operation: OperationRequirements, caller: &Caller) -> Access {
    let (kind, permission) = operation.scope;
    let interaction = match permission {
        Permission::Create => Interaction::Create,
        Permission::Read => Interaction::Read,
        Permission::Update => Interaction::Patch,
        Permission::Delete => Interaction::Operation,
        Permission::Search => Interaction::SearchType,
    };
    let access = Access::new(Act::Access(interaction), Actor::of(caller), gate.clock.now());
    let access = access.by(request.query_string());
    match request.match_info().get("id") {
        Some(id) => access.of(&format!("{kind}/{}", id.to_ascii_lowercase())),
        None => access.of(kind),
    }
}

/// Checks that a caller may use an operation.
fn authorize(
    request: &HttpRequest,
    operation: OperationRequirements,
    caller: &Caller,
) -> Result<(), VrsError> {
    if !operation.content_types.is_empty() {
        let given = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        if !operation.content_types.iter().any(|known| known.as_bytes() == given) {
            return Err(catalogue::UNSUPPORTED_MEDIA_TYPE);
        }
    }
    access::decide_kind(&caller.principal, operation.action)?;
    let (resource, permission) = operation.scope;
    access::decide_scope(caller, resource, permission)?;
    header::check_ids(request)?;
    if operation.action == Action::SearchRoles {
        header::check_im1(request)?;
    }
    Ok(())
}
