//! The checks before an operation, in the order of contract §2.3: token (401), rate (429), content
//! type (415), kind of caller (403), headers (400).

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::{HttpMessage, HttpRequest};

use crate::account::{Action, Caller, Who, access};
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
    /// The content types that its body may have; none where it takes no body.
    pub(crate) content_types: &'static [&'static str],
}

/// A FHIR resource in a body. The match is exact, as the national gateway's is.
pub(crate) const FHIR_JSON: &[&str] = &["application/fhir+json", "application/fhir+json; charset=utf-8"];
/// A JSON Patch (RFC 6902) in a body.
pub(crate) const JSON_PATCH: &[&str] = &["application/json-patch+json"];

/// Lets a caller in to an operation, or tells why not.
pub(crate) fn admit(app: &App, request: &HttpRequest, operation: Operation) -> Result<Caller, Problem> {
    let who = authenticate(app, request)?;
    if !operation.content_types.is_empty() {
        let given = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        if !operation.content_types.iter().any(|known| known.as_bytes() == given) {
            return Err(catalogue::UNSUPPORTED_MEDIA_TYPE);
        }
    }
    access::decide_kind(&who, operation.action)?;
    let request_id = header::check_ids(request)?;
    if operation.action == Action::SearchRoles {
        header::check_im1(request)?;
    }
    Ok(Caller { who, request_id: Some(request_id) })
}

/// Finds out who is calling, and whether they call too often.
pub(crate) fn authenticate(app: &App, request: &HttpRequest) -> Result<Who, Problem> {
    let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let who = app.policy.admit(shown).ok_or(catalogue::ACCESS_DENIED)?;
    request.extensions_mut().insert(CallerKind(who.kind()));
    app.count_request(&who).map_err(|wait| catalogue::THROTTLED.retry_after(wait.as_secs() + 1))?;
    Ok(who)
}
