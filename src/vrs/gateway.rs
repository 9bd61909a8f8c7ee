//! The checks before an operation, in the order of contract §2.3: token (401), rate (429), content
//! type (415), kind of caller and scope (403), headers (400). Whether the grant behind a token still holds is
//! read in the transaction of the operation.

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::{HttpMessage, HttpRequest};

use crate::account::{Action, Caller, Letter, Shown, access};
use crate::app::App;
use crate::observe::CallerKind;
use crate::vrs::catalogue;
use crate::vrs::header;
use crate::vrs::problem::Problem;

/// What an operation asks of its caller before anything else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// What it does.
    pub(crate) action: Action,
    /// The scope that it needs: a resource type and a letter.
    pub(crate) scope: (&'static str, Letter),
    /// The content types that its body may have; none where it takes no body.
    pub(crate) content_types: &'static [&'static str],
}

/// A FHIR resource in a body. The match is exact, as the national gateway's is.
pub(crate) const FHIR_JSON: &[&str] = &["application/fhir+json", "application/fhir+json; charset=utf-8"];
/// A JSON Patch (RFC 6902) in a body.
pub(crate) const JSON_PATCH: &[&str] = &["application/json-patch+json"];

/// Lets a caller in to an operation, or tells why not.
pub(crate) fn admit(app: &App, request: &HttpRequest, operation: Operation) -> Result<Caller, Problem> {
    let caller = authenticate(app, request)?;
    if !operation.content_types.is_empty() {
        let given = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        if !operation.content_types.iter().any(|known| known.as_bytes() == given) {
            return Err(catalogue::UNSUPPORTED_MEDIA_TYPE);
        }
    }
    access::decide_kind(&caller.who, operation.action)?;
    let (resource, letter) = operation.scope;
    access::decide_scope(&caller, resource, letter)?;
    let request_id = header::check_ids(request)?;
    if operation.action == Action::SearchRoles {
        header::check_im1(request)?;
    }
    Ok(Caller { request_id: Some(request_id), ..caller })
}

/// Finds out who is calling, and whether they call too often.
pub(crate) fn authenticate(app: &App, request: &HttpRequest) -> Result<Caller, Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let shown = Shown {
        authorization: header(AUTHORIZATION.as_str()),
        dpop: header("dpop").filter(|_| request.headers().get_all("dpop").count() == 1),
        method: request.method().as_str(),
        url: &format!("{}{}", app.public_url, request.path()),
        query: request.query_string(),
    };
    let caller = app.admit(&shown).map_err(|_denied| catalogue::ACCESS_DENIED)?;
    request.extensions_mut().insert(CallerKind(caller.who.kind()));
    app.count_request(&caller).map_err(|wait| catalogue::THROTTLED.retry_after(wait.as_secs() + 1))?;
    Ok(caller)
}
