//! HTTP to requests and back: who is asking, in which format, what for, and how the answer is told.

use actix_web::http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::account::{Authority, Caller, Denied};
use crate::app::{App, Written};
use crate::audit::Access;
use crate::body::{self, BodyFault, Received};
use crate::credentials::shown;
use crate::fhir::bundle::{self, BundleType, Entry};
use crate::fhir::context::Context;
use crate::fhir::etag::{self, NotAnEtag, Versions};
use crate::fhir::format::prefer::{Prefer, Return};
use crate::fhir::format::{self, BodyFormat, Format, MediaFault, xml};
use crate::fhir::interaction::conditional::pairs;
use crate::fhir::interaction::{Body, Conditions, Reply, Request, is_write, judge, perform, perform_judged};
use crate::fhir::outcome::{Issue, IssueType, operation_outcome};
use crate::fhir::refusal::{Challenge, Refusal};
use crate::fhir::resource::ResourceType;
use crate::fhir::routes::{Interaction, Target, resolve};
use crate::fhir::{BASE_PATH, capability, trail};
use crate::observe::{CallerKind, RoutePattern, is_request_id};
use crate::store::{Budget, PeopleOfRows, Tx};

/// How an answer is to be written.
#[derive(Clone, Copy)]
struct Writing {
    format: Format,
    is_pretty: bool,
    prefers: Return,
}

/// The parameters of query and form, decoded.
type Params = Vec<(String, String)>;

/// Answers every request of this front.
pub(super) async fn handle(app: Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let plain = Writing { format: Format::Json, is_pretty: false, prefers: Return::Representation };
    let query = pairs(request.query_string());
    let (writing, result) = match writing(&request, &query) {
        Ok(mut writing) => {
            let path = request.path().strip_prefix(BASE_PATH).unwrap_or_default().trim_matches('/');
            let resolved = resolve(request.method(), path);
            if let Ok((Interaction::Capabilities, _)) = resolved {
                let told = capabilities(&app, &request, writing);
                return told.unwrap_or_else(|refusal| refuse(&refusal, writing));
            }
            let asked = (path.to_owned(), resolved);
            let result = answer(&app, &request, asked, query, payload, &mut writing).await;
            (writing, result)
        }
        Err(refusal) => (plain, Err(refusal)),
    };
    match result {
        Ok(reply) => render(reply, writing),
        Err(refusal) => refuse(&refusal, writing),
    }
}

/// The CapabilityStatement; a caller that has it already is told so (C-06).
fn capabilities(app: &App, request: &HttpRequest, writing: Writing) -> Result<HttpResponse, Refusal> {
    let known = conditions(request.headers())?.if_none_match;
    let issuer = app.authority.as_deref().map(Authority::issuer);
    let form = (writing.format, writing.is_pretty);
    let rendered = capability::rendered(&base_url(app), issuer, app.subscriptions.enabled, form)?;
    let is_known = known.is_some_and(|versions| versions.include(&rendered.version.to_string()));
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag::render_etag(rendered.version)));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.content_type(writing.format.content_type()).body(rendered.bytes))
}

/// How the caller wants its answers. Even a refusal is told in this format.
fn writing(request: &HttpRequest, query: &[(String, String)]) -> Result<Writing, Refusal> {
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
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

async fn answer(
    app: &App,
    request: &HttpRequest,
    (path, resolved): (String, Result<(Interaction, Target), Refusal>),
    query: Params,
    payload: Payload,
    writing: &mut Writing,
) -> Result<Reply, Refusal> {
    if let Ok((Interaction::Versions, _)) = resolved {
        return Ok(Reply::made(200, capability::versions()));
    }
    let caller = authenticate(app, request)?;
    let (interaction, target) = resolved?;
    request.extensions_mut().insert(RoutePattern(format!("{BASE_PATH} {interaction:?}")));
    if target.kind == Some(ResourceType::Subscription) && !app.subscriptions.enabled {
        return Err(Refusal::not_found());
    }
    let context = Context::of(app, caller, preference(request.headers()).strict);
    let asked = trail::access(&context, interaction, &target, &query);
    let target = (interaction, target, path);
    // The turn is kept until the Bundle is answered.
    let (_turn, understood) = match arrive(app, request, interaction, payload).await {
        Ok((bytes, turn)) => (turn, understand(app, request, target, query, &bytes, writing)),
        Err(refusal) => (None, Err(refusal)),
    };
    let (accesses, result) = match understood {
        Ok(request) if interaction == Interaction::Batch => batch(app, context, request, asked).await,
        Ok(request) => {
            let budget = Budget::of_entries(0);
            let (access, result) = carry_out(app, context, request, &budget, Some(*writing)).await;
            (access.into_iter().collect(), result)
        }
        Err(refusal) => (vec![trail::refused(asked, &refusal)], Err(refusal)),
    };
    // The one place where this front's accesses are written down: nothing is answered before.
    match (app.record(accesses).await, result) {
        (Ok(()), result) => result,
        // The database is away for the record as well, and the caller was told something already.
        (Err(_), Err(refusal)) if refusal.status >= 500 => Err(refusal),
        (Err(error), _) => Err(error.into()),
    }
}

/// Takes the body in, and waits for the turn of a Bundle, of which few stand in memory as trees at a time.
async fn arrive(
    app: &App,
    request: &HttpRequest,
    interaction: Interaction,
    payload: Payload,
) -> Result<(Received, Option<OwnedSemaphorePermit>), Refusal> {
    let bytes = body::read(request.headers(), payload, &app.limits, &app.room).await?;
    let turn = if interaction == Interaction::Batch { Some(app.turn_of_bundle().await?) } else { None };
    Ok((bytes, turn))
}

/// Reads what a request asks for.
fn understand(
    app: &App,
    request: &HttpRequest,
    (interaction, target, path): (Interaction, Target, String),
    query: Params,
    bytes: &[u8],
    writing: &mut Writing,
) -> Result<Request, Refusal> {
    let (params, body) = read_body(app, request, interaction, query, bytes)?;
    // The form of a search may say as well as its URL how the answer is to be written.
    *writing = self::writing(request, &params)?;
    let conditions = if interaction == Interaction::Batch {
        Conditions::default()
    } else {
        conditions(request.headers())?
    };
    let request = Request { interaction, target, params, path, body, conditions };
    if let (Some(_), true) = (&request.conditions.if_match, request.target == Target::default()) {
        return Err(Refusal::invalid("If-Match is about one resource."));
    }
    Ok(request)
}

/// Carries a request out, and says what is to be written down of it: nothing, where the change has its record. What is read is
/// also rendered, if it is said how, on the thread that made it: to free its many small parts on another costs more than
/// the rendering.
async fn carry_out(
    app: &App,
    context: Context,
    request: Request,
    budget: &Budget,
    writing: Option<Writing>,
) -> (Option<Access>, Result<Reply, Refusal>) {
    let asked = trail::access(&context, request.interaction, &request.target, &request.params);
    let (caller, access) = (context.caller.clone(), asked.clone());
    let budget = budget.clone();
    let result = if is_write(request.interaction) {
        if let Err(refusal) = judge(&context, &request) {
            return (Some(trail::refused(asked, &refusal)), Err(refusal));
        }
        let inner = context.clone();
        let work = move |tx: &mut Tx<'_>| tx.within(&budget, |tx| perform_judged(tx, &inner, &request));
        let written = app.write_as(caller, work).await;
        written.map(|Written { value: reply, is_recorded }| {
            let access =
                (!is_recorded).then(|| trail::answered(access, &reply, &PeopleOfRows::new(), &context));
            (access, reply)
        })
    } else {
        let (interaction, kind) = (request.interaction, request.target.kind);
        let work = move |tx: &mut Tx<'_>| {
            let mut reply = tx.within(&budget, |tx| perform(tx, &context, &request))?;
            let access = trail::answered(access.clone(), &reply, &tx.take_seen(), &context);
            if let Some(Writing { format, is_pretty, .. }) = writing {
                reply.rendered = reply.body.take().map(|body| format::render(&body, format, is_pretty));
            }
            Ok((Some(access), reply))
        };
        let is_one = interaction == Interaction::Read && kind.is_some_and(ResourceType::is_read_at_once);
        if is_one {
            app.read_one_as(caller, work).await
        } else if matches!(interaction, Interaction::Read | Interaction::VRead) {
            app.read_briefly_as(caller, work).await
        } else {
            app.read_as(caller, work).await
        }
    };
    match result {
        Ok((access, reply)) => (access, Ok(reply)),
        Err(refusal) => (Some(trail::refused(asked, &refusal)), Err(refusal)),
    }
}

/// Carries out a batch or a transaction. Each entry is an access, or a change, by itself.
async fn batch(
    app: &App,
    context: Context,
    request: Request,
    asked: Access,
) -> (Vec<Access>, Result<Reply, Refusal>) {
    let (kind, entries) = match entries_of(request.body, &context, app.limits.json_depth) {
        Ok(read) => read,
        Err(refusal) => return (vec![trail::refused(asked, &refusal)], Err(refusal)),
    };
    match kind {
        BundleType::Transaction => transaction(app, context, entries, asked).await,
        BundleType::Batch => {
            let mut accesses = Vec::new();
            let mut answers = Vec::with_capacity(entries.len());
            let budget = Budget::of_entries(entries.len());
            for entry in entries {
                let (access, result) = match entry {
                    Ok(entry) => carry_out(app, context.clone(), entry.request, &budget, None).await,
                    Err(refusal) => (Some(trail::refused(asked.clone(), &refusal)), Err(refusal)),
                };
                accesses.extend(access);
                answers.push(result.map_or_else(|refusal| bundle::refuse(&refusal), bundle::answer));
            }
            (accesses, Ok(Reply::made(200, bundle::response(kind, answers))))
        }
    }
}

type Entries = Vec<Result<Entry, Refusal>>;

fn entries_of(body: Option<Body>, context: &Context, depth: usize) -> Result<(BundleType, Entries), Refusal> {
    let Some(Body::Resource(bundle)) = body else {
        return Err(Refusal::invalid("Send a Bundle of type batch or transaction to this URL."));
    };
    let kind = bundle::type_of(&bundle)?;
    Ok((kind, bundle::read(bundle, context, depth)?))
}

/// What is done has its records in the transaction; what is refused as a whole is refused for every entry.
async fn transaction(
    app: &App,
    context: Context,
    entries: Entries,
    asked: Access,
) -> (Vec<Access>, Result<Reply, Refusal>) {
    let entries = match entries.into_iter().collect::<Result<Vec<_>, _>>() {
        Ok(entries) => entries,
        Err(refusal) => return (vec![trail::refused(asked, &refusal)], Err(refusal)),
    };
    let each = |entry: &Entry| {
        trail::access(&context, entry.request.interaction, &entry.request.target, &entry.request.params)
    };
    let accesses: Vec<Access> = entries.iter().map(each).collect();
    let budget = Budget::of_entries(entries.len());
    let caller = context.caller.clone();
    let work = move |tx: &mut Tx<'_>| tx.within(&budget, |tx| bundle::run(tx, &context, entries));
    match app.write_as(caller, work).await {
        Ok(done) => (Vec::new(), Ok(Reply::made(200, bundle::response(BundleType::Transaction, done.value)))),
        Err(refusal) => {
            let refused = accesses.into_iter().map(|access| trail::refused(access, &refusal));
            (refused.collect(), Err(refusal))
        }
    }
}

fn base_url(app: &App) -> String {
    format!("{}{BASE_PATH}", app.public_url)
}

/// Finds out who is calling, and whether they call too often.
fn authenticate(app: &App, request: &HttpRequest) -> Result<Caller, Refusal> {
    let url = format!("{}{}", app.public_url, request.path());
    let caller = app.admit(&shown(request, &url))?;
    request.extensions_mut().insert(CallerKind(caller.who.kind()));
    app.count_request(&caller).map_err(|wait| Refusal {
        retry_after: Some(wait.as_secs() + 1),
        ..Refusal::new(429, Issue::error(IssueType::Throttled, "Too many requests: wait, then go on."))
    })?;
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    Ok(Caller { request_id: id.filter(|id| is_request_id(id)).map(str::to_owned), ..caller })
}

/// The conditions in the headers.
fn conditions(headers: &HeaderMap) -> Result<Conditions, Refusal> {
    let tags = |name: &str, parse: fn(&str) -> Result<Versions, NotAnEtag>| {
        let tags = joined(headers, name).map(|text| parse(&text)).transpose();
        tags.map_err(|_wrong| Refusal::invalid("An entity tag is written W/\"1\"."))
    };
    let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    Ok(Conditions {
        if_match: tags(IF_MATCH.as_str(), Versions::parse)?,
        if_none_match: tags(IF_NONE_MATCH.as_str(), Versions::parse_known)?,
        // A date that cannot be read is no condition (RFC 9110 §13.1.3).
        if_modified_since: since.and_then(etag::parse_http_date),
        if_none_exist: headers.get("if-none-exist").and_then(|value| value.to_str().ok()).map(str::to_owned),
    })
}

/// Reads what came: a resource, a patch, or a form, whose parameters join those of the URL.
fn read_body(
    app: &App,
    request: &HttpRequest,
    interaction: Interaction,
    mut params: Params,
    bytes: &[u8],
) -> Result<(Params, Option<Body>), Refusal> {
    let is_search = matches!(
        interaction,
        Interaction::SearchType | Interaction::SearchSystem | Interaction::SearchCompartment
    );
    if matches!(*request.method(), Method::GET | Method::HEAD) || bytes.is_empty() {
        return Ok((params, None));
    }
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let format = format::body_format(content_type)?;
    let depth = app.limits.json_depth;
    let body = match format {
        BodyFormat::Form if is_search => {
            params.extend(form_urlencoded::parse(bytes).into_owned());
            return Ok((params, None));
        }
        BodyFormat::Json if !is_search => Body::Resource(format::read_json(bytes, depth)?),
        BodyFormat::Xml if !is_search => Body::Resource(read_xml(bytes, depth)?),
        BodyFormat::JsonPatch
            if matches!(interaction, Interaction::Patch | Interaction::ConditionalPatch) =>
        {
            Body::JsonPatch(format::read_json(bytes, depth)?)
        }
        BodyFormat::Form | BodyFormat::Json | BodyFormat::Xml | BodyFormat::JsonPatch => {
            let told = "This kind of body does not belong to this request.";
            return Err(Refusal::new(415, Issue::error(IssueType::NotSupported, told)));
        }
    };
    Ok((params, Some(body)))
}

fn read_xml(bytes: &[u8], depth: usize) -> Result<Value, Refusal> {
    xml::parse(bytes, depth)
        .map_err(|fault| Refusal::new(400, Issue::error(IssueType::Structure, fault.to_string())))
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let challenge = denied.code().map(|error| Challenge { error, scope: None });
        let told = "Show a valid access token: Authorization: Bearer, then the token.";
        Self { challenge, ..Self::new(401, Issue::error(IssueType::Login, told)) }
    }
}

impl From<MediaFault> for Refusal {
    fn from(fault: MediaFault) -> Self {
        Self::new(fault.status(), fault.issue())
    }
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        let (status, code, told) = match fault {
            BodyFault::TooLarge => (413, IssueType::TooLong, "The body is larger than this server accepts."),
            BodyFault::Incomplete => (400, IssueType::Invalid, "The body is incomplete."),
            BodyFault::Late => {
                (408, IssueType::Timeout, "The request did not arrive within the time allowed.")
            }
        };
        Self::new(status, Issue::error(code, told))
    }
}

fn respond(status: u16, writing: Writing, has_body: bool) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if has_body {
        response.content_type(writing.format.content_type());
    }
    response
}

fn render(mut reply: Reply, writing: Writing) -> HttpResponse {
    let rendered = reply.rendered.take().or_else(|| {
        let outcome = operation_outcome(&[]);
        let body = match writing.prefers {
            Return::Minimal if reply.written.is_some() => None,
            Return::OperationOutcome if reply.written.is_some() => Some(&outcome),
            Return::Minimal | Return::OperationOutcome | Return::Representation => reply.body.as_ref(),
        };
        body.map(|body| format::render(body, writing.format, writing.is_pretty))
    });
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
    if let Some(allow) = refusal.allow {
        response.insert_header((ALLOW, allow));
    }
    if let Some(seconds) = refusal.retry_after {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if refusal.status == 401 || refusal.challenge.is_some() {
        response.insert_header((WWW_AUTHENTICATE, challenge(refusal.challenge.as_ref())));
    }
    response.body(format::render(&outcome, writing.format, writing.is_pretty))
}
