//! HTTP to requests and back: who is asking, in which format, what for, and how the answer is told.

use actix_web::http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};
use serde_json::Value;

use crate::account::{Authority, Caller, Denied, Shown};
use crate::app::App;
use crate::body::{self, BodyFault};
use crate::fhir::bundle::{self, BundleType};
use crate::fhir::context::Context;
use crate::fhir::etag::{self, NotAnEtag, Versions};
use crate::fhir::format::prefer::{Prefer, Return};
use crate::fhir::format::{self, BodyFormat, Format, MediaFault, xml};
use crate::fhir::interaction::conditional::pairs;
use crate::fhir::interaction::{Body, Conditions, Reply, Request, is_write, perform};
use crate::fhir::outcome::{Issue, IssueType, operation_outcome};
use crate::fhir::refusal::{Challenge, Refusal};
use crate::fhir::routes::{Interaction, Target, resolve};
use crate::fhir::{BASE_PATH, capability};
use crate::json::{self, Allowed};
use crate::observe::{CallerKind, RoutePattern, is_request_id};

/// How an answer is to be written.
#[derive(Clone, Copy)]
struct Writing {
    format: Format,
    is_pretty: bool,
    prefers: Return,
}

/// Answers every request of this front.
pub(super) async fn handle(app: Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let plain = Writing { format: Format::Json, is_pretty: false, prefers: Return::Representation };
    let query = pairs(request.query_string());
    let (writing, result) = match writing(&request, &query) {
        Ok(writing) => (writing, answer(&app, &request, query, payload).await),
        Err(refusal) => (plain, Err(refusal)),
    };
    match result {
        Ok(reply) => render(&reply, writing),
        Err(refusal) => refuse(&refusal, writing),
    }
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
    query: Vec<(String, String)>,
    payload: Payload,
) -> Result<Reply, Refusal> {
    let path = request.path().strip_prefix(BASE_PATH).unwrap_or_default().trim_matches('/').to_owned();
    let resolved = resolve(request.method(), &path);
    if let Ok((Interaction::Capabilities, _)) = resolved {
        let known = conditions(request.headers())?.if_none_match;
        let issuer = app.authority.as_deref().map(Authority::issuer);
        let statement = capability::statement(&base_url(app), issuer)?;
        return Ok(Reply::capabilities(statement, known.as_ref()));
    }
    let caller = authenticate(app, request)?;
    let (interaction, target) = resolved?;
    request.extensions_mut().insert(RoutePattern(format!("{BASE_PATH} {interaction:?}")));
    let context = Context {
        caller,
        clock: app.clock.clone(),
        contract: app.contract,
        base: base_url(app),
        is_strict: preference(request.headers()).strict,
    };
    let (params, body) = read_body(app, request, interaction, query, payload).await?;
    if interaction == Interaction::Batch {
        return batch(app, context, body).await;
    }
    let conditions = conditions(request.headers())?;
    let request = Request { interaction, target, params, path, body, conditions };
    if let (Some(_), true) = (&request.conditions.if_match, request.target == Target::default()) {
        return Err(Refusal::invalid("If-Match is about one resource."));
    }
    carry_out(app, context, request).await
}

async fn carry_out(app: &App, context: Context, request: Request) -> Result<Reply, Refusal> {
    if is_write(request.interaction) {
        app.write_as(context.caller.clone(), move |tx| perform(tx, &context, &request)).await
    } else {
        app.read_as(context.caller.clone(), move |tx| perform(tx, &context, &request)).await
    }
}

async fn batch(app: &App, context: Context, body: Option<Body>) -> Result<Reply, Refusal> {
    let Some(Body::Resource(bundle)) = body else {
        return Err(Refusal::invalid("Send a Bundle of type batch or transaction to this URL."));
    };
    let kind = bundle::type_of(&bundle)?;
    let entries = bundle::read(&bundle, &context)?;
    let answers = match kind {
        BundleType::Transaction => {
            let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
            app.write_as(context.caller.clone(), move |tx| bundle::run(tx, &context, entries)).await?
        }
        BundleType::Batch => {
            let mut answers = Vec::with_capacity(entries.len());
            for entry in entries {
                let result = match entry {
                    Ok(entry) => carry_out(app, context.clone(), entry.request).await,
                    Err(refusal) => Err(refusal),
                };
                answers.push(
                    result.map_or_else(|refusal| bundle::refuse(&refusal), |reply| bundle::answer(&reply)),
                );
            }
            answers
        }
    };
    Ok(Reply::bundle(bundle::response(kind, answers)))
}

fn base_url(app: &App) -> String {
    format!("{}{BASE_PATH}", app.public_url)
}

/// Finds out who is calling, and whether they call too often.
fn authenticate(app: &App, request: &HttpRequest) -> Result<Caller, Refusal> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let shown = Shown {
        authorization: header(AUTHORIZATION.as_str()),
        dpop: header("dpop").filter(|_| request.headers().get_all("dpop").count() == 1),
        method: request.method().as_str(),
        url: &format!("{}{}", app.public_url, request.path()),
        query: request.query_string(),
    };
    let caller = app.admit(&shown)?;
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
async fn read_body(
    app: &App,
    request: &HttpRequest,
    interaction: Interaction,
    mut params: Vec<(String, String)>,
    payload: Payload,
) -> Result<(Vec<(String, String)>, Option<Body>), Refusal> {
    let bytes = body::read(payload, &app.limits).await?;
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
            params.extend(form_urlencoded::parse(&bytes).into_owned());
            return Ok((params, None));
        }
        BodyFormat::Json if !is_search => Body::Resource(read_json(&bytes, depth)?),
        BodyFormat::Xml if !is_search => Body::Resource(read_xml(&bytes, depth)?),
        BodyFormat::JsonPatch
            if matches!(interaction, Interaction::Patch | Interaction::ConditionalPatch) =>
        {
            Body::JsonPatch(read_json(&bytes, depth)?)
        }
        BodyFormat::Form | BodyFormat::Json | BodyFormat::Xml | BodyFormat::JsonPatch => {
            let told = "This kind of body does not belong to this request.";
            return Err(Refusal::new(415, Issue::error(IssueType::NotSupported, told)));
        }
    };
    Ok((params, Some(body)))
}

/// A resource or a patch. FHIR aligns a repeating primitive with its extensions by `null` items.
fn read_json(bytes: &[u8], depth: usize) -> Result<Value, Refusal> {
    let allowed = Allowed { empty_objects: false, null_items: true };
    json::parse_with(bytes, depth, allowed)
        .map_err(|fault| Refusal::new(400, Issue::error(IssueType::Structure, fault.to_string())))
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

fn respond(status: u16, writing: Writing, body: Option<&Value>) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if body.is_some() {
        response.content_type(writing.format.content_type());
    }
    response
}

fn render(reply: &Reply, writing: Writing) -> HttpResponse {
    let outcome = operation_outcome(&[]);
    let body = match writing.prefers {
        Return::Minimal if reply.written.is_some() => None,
        Return::OperationOutcome if reply.written.is_some() => Some(&outcome),
        Return::Minimal | Return::OperationOutcome | Return::Representation => reply.body.as_ref(),
    };
    let mut response = respond(reply.status, writing, body);
    if let Some(version) = reply.version {
        response.insert_header((ETAG, etag::render_etag(version)));
    }
    if let Some(at) = reply.last_modified {
        response.insert_header((LAST_MODIFIED, etag::render_http_date(at)));
    }
    if let Some(location) = &reply.location {
        response.insert_header((LOCATION, location.as_str()));
    }
    match body {
        Some(body) => response.body(format::render(body, writing.format, writing.is_pretty)),
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
    let mut response = respond(refusal.status, writing, Some(&outcome));
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
