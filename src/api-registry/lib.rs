//! The front that hears: `POST /events` takes CloudEvents 1.0 in which the registry tells of people.
//!
//! Structured mode (`application/cloudevents+json`) and binary mode (`application/json` with `ce-` headers) of the
//! HTTP binding; no batches. An event is dealt with in the transaction in which its id is kept, so it is answered
//! 200 with what came of it, and again so when it comes again. An event of a type that this service does not know
//! is kept by its id, answered 202, and nothing follows from it: a sender with a wider stream need not filter, and
//! would only send again what is refused.

mod event;
mod problem;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use serde_json::json;

use ::web::app::App;
use ::web::body;
use ::web::credentials;
use ::web::observe;
use ::web::observe::{CallerKind, is_request_id};
use base::error::Error;
use domain::account::{Caller, Ceiling, Who, Word};
use domain::audit::{Access, Act, Actor, Interaction, Outcome};
use domain::event::DELIVERY;
use service::person::{Telling, die, invalidate, move_practice, renumber, restrict, unrestrict};
use store::{Inbound, Tx};

use event::{Event, Fact};
use problem::Problem;

/// The path of this front.
pub const PATH: &str = "/events";

/// Adds the route.
pub fn configure(config: &mut ServiceConfig) {
    let refuse = || async { Err::<HttpResponse, _>(Problem::method()) };
    let resource = web::resource(PATH).route(web::post().to(take)).default_service(web::to(refuse));
    config.service(resource.wrap(from_fn(panics)));
}

async fn panics(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    observe::catch_panics(request, next, |fault| Problem::from(fault).into()).await
}

async fn take(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    // A delivery of our own, or of another such server: what a subscriber wrote into it is no word of the registry's.
    if request.headers().contains_key(DELIVERY) {
        return Err(Problem::forbidden());
    }
    let caller = authenticate(&app, &request)?;
    match deal_with(&app, &request, payload, caller.clone()).await {
        Ok(response) => Ok(response),
        Err(problem) => {
            let outcome = Outcome::of(problem.status_code().as_u16(), problem.code());
            let create = Act::Access(Interaction::Create);
            let access = Access::new(create, Actor::of(&caller), app.clock.now()).of("CloudEvent");
            app.record(vec![access.ended(outcome)]).await?;
            Err(problem)
        }
    }
}

async fn deal_with(
    app: &App,
    request: &HttpRequest,
    payload: Payload,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    check_may_tell(app, &caller)?;
    let mode = event::mode(request)?;
    let bytes = body::read(request.headers(), payload, &app.limits, &app.room).await?;
    let now = app.clock.now();
    let (size, depth) = (bytes.len(), app.limits.json_depth);
    let body = app.cpu.run(size, move || event::parse(&bytes, depth)).await?;
    let event = Event::read(request, mode, body, app)?;
    event.check_time(now)?;
    let id = event.id.clone();
    let is_known_type = event.fact.is_some();
    let told: Result<_, Error> =
        app.write_as(caller.clone(), move |tx| apply(tx, &caller, &event, now)).await;
    let outcome = told?.value;
    let mut response = if is_known_type { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    Ok(response.json(json!({ "id": id, "outcome": outcome })))
}

/// Deals with an event, once. One event is taken in after the other, so that two about the same person do not
/// meet.
fn apply(
    tx: &mut Tx<'_>,
    caller: &Caller,
    event: &Event,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<String, Error> {
    let inbound =
        Inbound { source: &event.source, id: &event.id, kind: &event.kind, occurred_at: event.time };
    tx.lock_condition("what the registry tells")?;
    if !tx.take_in(&inbound, now)? {
        let known = tx.find_inbound_outcome(&inbound)?;
        return known.ok_or_else(|| Error::busy("an event came and went"));
    }
    let telling = Telling { caller, at: event.time, now };
    let outcome = match &event.fact {
        None => "ignored",
        Some((person, fact)) => {
            let told = match fact {
                Fact::Death => die(tx, telling, *person),
                Fact::NewNumber(new) => renumber(tx, telling, *person, *new),
                Fact::Invalidation => invalidate(tx, telling, *person),
                Fact::Restriction => restrict(tx, telling, *person),
                Fact::Lifting => unrestrict(tx, telling, *person),
                Fact::Practice(practice) => move_practice(tx, telling, *person, practice.as_ref()),
            };
            told?.as_str()
        }
    };
    tx.save_inbound_outcome(&inbound, outcome)?;
    // What is told of nobody, or for nothing, is an access all the same.
    if tx.recorded() == 0 {
        let access = Access::new(Act::Access(Interaction::Create), Actor::of(caller), now);
        tx.record_access(&access.of("CloudEvent"))?;
    }
    if outcome == "contradiction" {
        tracing::warn!(event.id = event.id, "an event contradicts what is known, and was left alone");
    }
    Ok(outcome.to_owned())
}

/// Finds out who is calling, and whether they call too often.
fn authenticate(app: &App, request: &HttpRequest) -> Result<Caller, Problem> {
    let url = format!("{}{}", app.public_url, request.path());
    let caller = app.admit(&credentials::shown(request, &url)).map_err(Problem::denied)?;
    let request_id = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    let request_id = request_id.filter(|id| is_request_id(id)).map(str::to_owned);
    let caller = Caller { request_id, ..caller };
    request.extensions_mut().insert(CallerKind(caller.who.kind()));
    app.count_request(&caller).map_err(|wait| Problem::too_often(wait.as_secs() + 1))?;
    Ok(caller)
}

/// Whether the caller may tell of people: an app with the scope, or a system that the settings name. In the
/// sandbox, anybody.
fn check_may_tell(app: &App, caller: &Caller) -> Result<(), Problem> {
    let may = match (&caller.who, &caller.ceiling) {
        (Who::Anyone, _) => true,
        (Who::System { .. }, Ceiling::Scopes(scopes)) => scopes.has(Word::RegistryEvents),
        (Who::System { name }, Ceiling::None) => app.events_from.contains(name),
        (Who::Citizen { .. } | Who::Proxy { .. } | Who::Staff { .. } | Who::Service, _) => false,
    };
    if may { Ok(()) } else { Err(Problem::forbidden()) }
}
