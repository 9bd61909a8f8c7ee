//! Maps HTTP to requests and back: caller, format, route, response.

mod api;
mod bundles;
mod error;
mod execute;
mod parse_request;
pub(crate) mod respond;

use actix_web::http::header::{ETAG, HeaderValue, VARY};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};

use crate::bundle::BundleTurns;
use crate::context::{BASE_PATH, Context, FhirSettings};
use crate::http::bundles::{batch, transaction};
use crate::http::parse_request::{ParsedRequest, RequestLine, conditions, parse_request};
use crate::interaction::reply::Reply;
use crate::interaction::request::{Handler, RequestTarget, Route};
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use crate::routes::resolve;
use crate::search::query::pairs;
use crate::url::normal;
use crate::{audit, capability};
use ::web::body::Bodies;
use ::web::caller::authenticate;
use ::web::gate::Gate;
use ::web::observe::RoutePattern;
use ::web::record;
use api::{Api, QueryParams, ResponseFormat, preference, writing};
use base::cpu_pool::INLINE;
use base::error::Error;
use execute::execute;
use fhir::etag;
use fhir::format::Format;
use fhir::format::prefer::Return;
use fhir::outcome::operation_outcome;
use respond::{VARIES, name_metadata, refuse, respond_with};
use service::authority::Authority;

/// Handles every request of this API.
pub(super) async fn handle(
    (gate, bodies, turns): (Data<Gate>, Data<Bodies>, Data<BundleTurns>),
    settings: Data<FhirSettings>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let api = Api { gate: &gate, bodies: &bodies, turns: &turns, settings: &settings };
    let plain = ResponseFormat { format: Format::Json, is_pretty: false, prefers: Return::Representation };
    let query = pairs(request.query_string());
    let (writing, result) = match writing(&request, &query) {
        Ok(mut writing) => {
            let path = normal(request.path());
            let path = path.strip_prefix(BASE_PATH).unwrap_or_default().trim_matches('/');
            let resolved = resolve(request.method(), path);
            if let Ok((Route { handler: Handler::Capabilities, .. }, _)) = resolved {
                let message = capabilities(api, &request, writing);
                return message.unwrap_or_else(|refusal| refuse(&refusal, writing));
            }
            let asked = (path.to_owned(), resolved);
            let result = answer(api, &request, asked, query, payload, &mut writing).await;
            (writing, result)
        }
        Err(refusal) => (plain, Err(refusal)),
    };
    let mut response = match result {
        Ok(reply) => match rendered(api, reply, writing).await {
            Ok(reply) => respond_with(reply, writing),
            Err(fault) => refuse(&fault.into(), writing),
        },
        Err(refusal) => refuse(&refusal, writing),
    };
    name_metadata(&mut response, api.gate.authority.as_deref());
    response
}

/// Renders a reply that is not yet rendered; a large one on the CPU pool.
async fn rendered(api: Api<'_>, mut reply: Reply, writing: ResponseFormat) -> Result<Reply, Error> {
    if reply.rendered.is_some() {
        return Ok(reply);
    }
    let is_written = reply.written.is_some();
    let body = match writing.prefers {
        Return::Minimal if is_written => None,
        Return::OperationOutcome if is_written => Some(operation_outcome(&[]).into()),
        Return::Minimal | Return::OperationOutcome | Return::Representation => reply.body.take(),
    };
    if let Some(body) = body {
        let size = if body.is_larger(INLINE) { usize::MAX } else { 0 };
        let work = move || body.render(writing.format, writing.is_pretty);
        reply.rendered = Some(api.bodies.cpu.run_to_end(size, work).await?);
    }
    Ok(reply)
}

/// The CapabilityStatement; 304 for a caller that has the current version (C-06).
fn capabilities(
    api: Api<'_>,
    request: &HttpRequest,
    writing: ResponseFormat,
) -> Result<HttpResponse, Refusal> {
    let known = conditions(request.headers())?.if_none_match;
    let issuer = api.gate.authority.as_deref().map(Authority::issuer);
    let form = (writing.format, writing.is_pretty);
    let rendered =
        capability::rendered(&api.settings.base(), issuer, api.settings.subscriptions.enabled, form)?;
    let is_known = known.is_some_and(|versions| versions.include(&rendered.version.to_string()));
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag::render_etag(rendered.version)));
    response.insert_header((VARY, HeaderValue::from_static(VARIES)));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.content_type(writing.format.content_type()).body(rendered.bytes))
}

async fn answer(
    api: Api<'_>,
    request: &HttpRequest,
    (path, resolved): (String, Result<(&'static Route, RequestTarget), Refusal>),
    query: QueryParams,
    payload: Payload,
    writing: &mut ResponseFormat,
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
    let asked = audit::access(&context, route, &target, &query);
    let request_line = RequestLine { route, target, path, query };
    // The permit is held until the Bundle is answered.
    let (_turn, parsed) = parse_request(api, request, &context, request_line, payload, writing).await;
    let (accesses, result) = match parsed {
        Ok(ParsedRequest::Request(request)) => {
            let (access, result) = execute(api, context, *request, Some(*writing)).await;
            (access.into_iter().collect(), result)
        }
        Ok(ParsedRequest::Batch(entries)) => batch(api, context, entries, asked).await,
        Ok(ParsedRequest::Transaction(accesses, plan)) => transaction(api, context, accesses, plan).await,
        Err(refusal) => (vec![audit::refused(asked, &refusal)], Err(refusal)),
    };
    // The one place where this API's accesses are recorded: before every response.
    record::answer(api.gate, accesses, result).await
}
