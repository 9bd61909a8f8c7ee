//! HTTP to requests and back: who is asking, in which format, what for, and how the answer is told.

mod bundles;
mod error;
mod understand;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, ETAG, HeaderMap, LAST_MODIFIED, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};
use serde_json::Value;

use crate::bundle::BundleTurns;
use crate::context::{Context, FhirSettings};
use crate::http::bundles::{batch, transaction};
use crate::http::understand::{Asking, Understood, conditions, understand};
use crate::interaction::conditional::pairs;
use crate::interaction::{
    Body, Reply, Request, asks, authorize, find_base, find_to_validate, outcome_of, perform, perform_judged,
    prepare_patch,
};
use crate::refusal::{Challenge, Refusal};
use crate::resource;
use crate::resource::ResourceType;
use crate::routes::{Handler, Route, Target, resolve};
use crate::{BASE_PATH, capability, trail};
use ::web::body::Bodies;
use ::web::caller::authenticate;
use ::web::gate::{Gate, Written};
use ::web::observe::RoutePattern;
use ::web::record;
use base::cpu_pool::INLINE;
use base::error::Error;
use base::json::is_larger;
use domain::audit::Access;
use fhir::etag;
use fhir::format;
use fhir::format::Format;
use fhir::format::prefer::{Prefer, Return};
use fhir::outcome::operation_outcome;
use service::authority::Authority;
use store::{Lane, Tx};

/// How an answer is to be written.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    format: Format,
    is_pretty: bool,
    prefers: Return,
}

/// What a request of this front is carried out with.
#[derive(Clone, Copy)]
pub(super) struct Api<'r> {
    gate: &'r Gate,
    bodies: &'r Bodies,
    turns: &'r BundleTurns,
    settings: &'r FhirSettings,
}

/// The parameters of query and form, decoded.
pub(super) type Params = Vec<(String, String)>;

/// Answers every request of this front.
pub(super) async fn handle(
    (gate, bodies, turns): (Data<Gate>, Data<Bodies>, Data<BundleTurns>),
    settings: Data<FhirSettings>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let api = Api { gate: &gate, bodies: &bodies, turns: &turns, settings: &settings };
    let plain = Writing { format: Format::Json, is_pretty: false, prefers: Return::Representation };
    let query = pairs(request.query_string());
    let (writing, result) = match writing(&request, &query) {
        Ok(mut writing) => {
            let path = request.path().strip_prefix(BASE_PATH).unwrap_or_default().trim_matches('/');
            let resolved = resolve(request.method(), path);
            if let Ok((Route { handler: Handler::Capabilities, .. }, _)) = resolved {
                let told = capabilities(api, &request, writing);
                return told.unwrap_or_else(|refusal| refuse(&refusal, writing));
            }
            let asked = (path.to_owned(), resolved);
            let result = answer(api, &request, asked, query, payload, &mut writing).await;
            (writing, result)
        }
        Err(refusal) => (plain, Err(refusal)),
    };
    match result {
        Ok(reply) => match rendered(api, reply, writing).await {
            Ok(reply) => respond_with(reply, writing),
            Err(fault) => refuse(&fault.into(), writing),
        },
        Err(refusal) => refuse(&refusal, writing),
    }
}

/// Renders an answer that was not yet rendered; a large one not on the present thread.
async fn rendered(api: Api<'_>, mut reply: Reply, writing: Writing) -> Result<Reply, Error> {
    if reply.rendered.is_some() {
        return Ok(reply);
    }
    let is_written = reply.written.is_some();
    let body = match writing.prefers {
        Return::Minimal if is_written => None,
        Return::OperationOutcome if is_written => Some(operation_outcome(&[])),
        Return::Minimal | Return::OperationOutcome | Return::Representation => reply.body.take(),
    };
    if let Some(body) = body {
        let size = if is_larger(&body, INLINE) { usize::MAX } else { 0 };
        let work = move || format::render(&body, writing.format, writing.is_pretty);
        reply.rendered = Some(api.bodies.cpu.run_to_end(size, work).await?);
    }
    Ok(reply)
}

/// The CapabilityStatement; a caller that has it already is told so (C-06).
fn capabilities(api: Api<'_>, request: &HttpRequest, writing: Writing) -> Result<HttpResponse, Refusal> {
    let known = conditions(request.headers())?.if_none_match;
    let issuer = api.gate.authority.as_deref().map(Authority::issuer);
    let form = (writing.format, writing.is_pretty);
    let rendered =
        capability::rendered(&api.settings.base(), issuer, api.settings.subscriptions.enabled, form)?;
    let is_known = known.is_some_and(|versions| versions.include(&rendered.version.to_string()));
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag::render_etag(rendered.version)));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.content_type(writing.format.content_type()).body(rendered.bytes))
}

/// How the caller wants its answers. Even a refusal is told in this format.
pub(super) fn writing(request: &HttpRequest, query: &[(String, String)]) -> Result<Writing, Refusal> {
    let param = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let accept = joined(request.headers(), ACCEPT.as_str());
    let format = format::negotiate(accept.as_deref(), param("_format"))?;
    let prefers = preference(request.headers()).returns;
    Ok(Writing { format, is_pretty: param("_pretty") == Some("true"), prefers })
}

/// What the caller would rather have (G-09 to G-11).
fn preference(headers: &HeaderMap) -> Prefer {
    joined(headers, "prefer").map(|text| Prefer::parse([text.as_str()])).unwrap_or_default()
}

/// Every value of a header, as one list.
pub(super) fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

async fn answer(
    api: Api<'_>,
    request: &HttpRequest,
    (path, resolved): (String, Result<(&'static Route, Target), Refusal>),
    query: Params,
    payload: Payload,
    writing: &mut Writing,
) -> Result<Reply, Refusal> {
    if let Ok((Route { handler: Handler::Fixed(answer), .. }, _)) = resolved {
        return Ok(Reply::made(200, answer()));
    }
    let caller = authenticate::<Refusal>(request)?;
    let (route, target) = resolved?;
    request.extensions_mut().insert(RoutePattern(format!("{BASE_PATH} {}", route.name)));
    if target.kind == Some(ResourceType::Subscription) && !api.settings.subscriptions.enabled {
        return Err(Refusal::not_found());
    }
    let context = Context::of(api.settings, caller, preference(request.headers()).strict);
    let asked = trail::access(&context, route, &target, &query);
    let asking = Asking { route, target, path, query };
    // The turn is kept until the Bundle is answered.
    let (_turn, understood) = understand(api, request, &context, asking, payload, writing).await;
    let (accesses, result) = match understood {
        Ok(Understood::Request(request)) => {
            let (access, result) = carry_out(api, context, *request, Some(*writing)).await;
            (access.into_iter().collect(), result)
        }
        Ok(Understood::Batch(entries)) => batch(api, context, entries, asked).await,
        Ok(Understood::Transaction(accesses, plan)) => transaction(api, context, accesses, plan).await,
        Err(refusal) => (vec![trail::refused(asked, &refusal)], Err(refusal)),
    };
    // The one place where this front's accesses are written down: nothing is answered before.
    record::answer(api.gate, accesses, result).await
}

/// Carries a request out that was judged, and says what is to be written down of it: nothing, where the change has its
/// record.
async fn carry_out(
    api: Api<'_>,
    context: Context,
    request: Request,
    writing: Option<Writing>,
) -> (Option<Access>, Result<Reply, Refusal>) {
    let asked = trail::access(&context, request.route, &request.target, &request.params);
    let handler = request.route.handler;
    let result = if matches!(handler, Handler::Validate(_)) {
        validate(api, &context, request, asked.clone()).await
    } else if matches!(handler, Handler::Patch(_)) {
        match patch_one(api, &context, request).await {
            Ok(request) => write(api, context, request, asked.clone()).await,
            Err(refusal) => Err(refusal),
        }
    } else if handler.is_write() {
        write(api, context, request, asked.clone()).await
    } else {
        read(api, context, request, (asked.clone(), writing)).await
    };
    match result {
        Ok((access, reply)) => (access, Ok(reply)),
        Err(refusal) => (Some(trail::refused(asked, &refusal)), Err(refusal)),
    }
}

/// A search with more bytes of parameters than this may take long, and must not keep the others from the database.
const BRIEF: usize = 1024;

/// What is answered, and the access that it is, if it has no record of its own.
type Carried = Result<(Option<Access>, Reply), Refusal>;

async fn write(api: Api<'_>, context: Context, request: Request, access: Access) -> Carried {
    let inner = context.for_writer();
    let work = move |tx: &mut Tx<'_>| tx.within(&inner.budget, |tx| perform_judged(tx, &inner, &request));
    let Written { value: reply, is_recorded } = api.gate.write_as(context.caller.clone(), work).await?;
    let size = reply.document.as_ref().map_or(0, String::len);
    let reply = api.bodies.cpu.run_to_end(size, move || reply.complete()).await??;
    let access = (!is_recorded).then(|| trail::answered(access, &reply));
    Ok((access, reply))
}

/// What is read is also rendered, if it is said how, on the thread that made it: to free its many small parts on another
/// costs more than the rendering.
async fn read(
    api: Api<'_>,
    context: Context,
    request: Request,
    (access, writing): (Access, Option<Writing>),
) -> Carried {
    let (kind, caller) = (request.target.kind, context.caller.clone());
    let reads_one = matches!(request.route.handler, Handler::One(_));
    let is_present = request.target.version.is_none();
    let is_long = request.params.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > BRIEF;
    let work = move |tx: &mut Tx<'_>| {
        let mut reply = tx.within(&context.budget, |tx| perform(tx, &context, &request))?;
        let access = trail::answered(access.clone(), &reply);
        if let Some(Writing { format, is_pretty, .. }) = writing {
            reply.rendered = reply.body.take().map(|body| format::render(&body, format, is_pretty));
        }
        Ok((Some(access), reply))
    };
    let is_one = reads_one && is_present && kind.is_some_and(ResourceType::is_read_at_once);
    // What a client wrote as one document can be large: it is not read on a thread that serves.
    let is_small = kind.is_some_and(|kind| !kind.is_a_document());
    if is_one {
        return api.gate.read_one_as(caller, work).await;
    }
    let lane = match (is_small && reads_one, is_long) {
        (true, _) => Lane::Brief,
        (false, true) => Lane::Long,
        (false, false) => Lane::Ordinary,
    };
    api.gate.read_as(caller, lane, work).await
}

/// Applies a patch to the version that it is for, before the transaction that writes the result.
async fn patch_one(api: Api<'_>, context: &Context, mut request: Request) -> Result<Request, Refusal> {
    // A role is made of a few columns: to apply a small JSON Patch to it in the transaction that writes it takes some
    // microseconds, and to read it before in another one a third of the whole request.
    let is_brief = matches!(&request.body, Some(Body::JsonPatch(_))) && !request.has_large_body();
    if request.target.kind == Some(ResourceType::Consent) && is_brief {
        return Ok(request);
    }
    let (inner, asking) = (context.clone(), request.without_body());
    let asks = asks(&request);
    let find = move |tx: &mut Tx<'_>| tx.within(&inner.budget, |tx| find_base(tx, &inner, &asking, asks));
    let base = api.gate.read_as(context.caller.clone(), Lane::Ordinary, find).await?;
    let size = if is_large(&request, &base.body) { usize::MAX } else { 0 };
    let context = context.clone();
    let work = move || prepare_patch(&context, &mut request, &base).map(|()| request);
    api.bodies.cpu.run(size, work).await?
}

fn is_large(request: &Request, stored: &Value) -> bool {
    request.has_large_body() || is_larger(stored, INLINE)
}

/// `$validate`: what is stored is read first, if it is what is meant, and judged when the database is free again.
async fn validate(api: Api<'_>, context: &Context, request: Request, access: Access) -> Carried {
    authorize(context, &request)?;
    let (inner, asking) = (context.clone(), request.without_body());
    let find = move |tx: &mut Tx<'_>| tx.within(&inner.budget, |tx| find_to_validate(tx, &inner, &asking));
    let stored = api.gate.read_as(context.caller.clone(), Lane::Ordinary, find).await?;
    let disclosed = resource::disclosed(&stored);
    let stored = stored.map(|stored| stored.body);
    let size = if is_large(&request, stored.as_ref().unwrap_or(&Value::Null)) { usize::MAX } else { 0 };
    let outcome = api.bodies.cpu.run(size, move || outcome_of(&request, stored)).await??;
    let reply = Reply::made_of(disclosed, outcome);
    Ok((Some(trail::answered(access, &reply)), reply))
}

fn respond(status: u16, writing: Writing, has_body: bool) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if has_body {
        response.content_type(writing.format.content_type());
    }
    response
}

fn respond_with(reply: Reply, writing: Writing) -> HttpResponse {
    let rendered = reply.rendered;
    let mut response = respond(reply.status, writing, rendered.is_some());
    if reply.is_secret {
        response.insert_header((CACHE_CONTROL, "no-store"));
    }
    if let Some(version) = reply.version {
        response.insert_header((ETAG, etag::render_etag(version)));
    }
    if let Some(at) = reply.last_modified {
        response.insert_header((LAST_MODIFIED, etag::render_http_date(at)));
    }
    if let Some(location) = &reply.location {
        response.insert_header((LOCATION, location.as_str()));
    }
    match rendered {
        Some(body) => response.body(body),
        None => response.finish(),
    }
}

/// A refusal in the format that every client reads.
pub(super) fn refuse_plainly(refusal: &Refusal) -> HttpResponse {
    let plain = Writing { format: Format::Json, is_pretty: false, prefers: Return::Representation };
    refuse(refusal, plain)
}

/// The header that says which token would do (SC-09).
fn challenge(challenge: Option<&Challenge>) -> String {
    let error = challenge.map(|challenge| format!(", error=\"{}\"", challenge.error));
    let scope = challenge.and_then(|challenge| challenge.scope.as_ref());
    let scope = scope.map(|scope| format!(", scope=\"{scope}\""));
    let scheme = match challenge.map(|challenge| challenge.error) {
        Some("invalid_dpop_proof") => "DPoP",
        Some(_) | None => "Bearer",
    };
    format!("{scheme} realm=\"OnBehalf\"{}{}", error.unwrap_or_default(), scope.unwrap_or_default())
}

fn refuse(refusal: &Refusal, writing: Writing) -> HttpResponse {
    let outcome = operation_outcome(&refusal.issues);
    let mut response = respond(refusal.status, writing, true);
    if let Some(allow) = &refusal.allow {
        response.insert_header((ALLOW, allow.as_ref()));
    }
    if let Some(seconds) = refusal.retry_after {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if refusal.status == 401 || refusal.challenge.is_some() {
        response.insert_header((WWW_AUTHENTICATE, challenge(refusal.challenge.as_ref())));
    }
    response.body(format::render(&outcome, writing.format, writing.is_pretty))
}
