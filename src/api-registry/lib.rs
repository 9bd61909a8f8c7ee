//! The API for registry events: `POST /events` accepts CloudEvents 1.0 in which the registry reports facts
//! about people.
//!
//! It supports structured mode (`application/cloudevents+json`) and binary mode (`application/json` with
//! `ce-` headers) of the HTTP binding; no batches. An event is processed in the transaction that stores its
//! id; the response is 200 with the outcome, also when the event is sent again. An event of an unsupported
//! type is stored by its id and answered 202, without any effect: a sender with a wider stream need not
//! filter, and would only repeat a refused event.

mod event;
mod problem;

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use ::web::body::Bodies;
use ::web::caller::authenticate;
use ::web::error::ApiError as _;
use ::web::gate::Gate;
use ::web::panic::catch_panics;
use ::web::record;
use base::error::Error;
use domain::account::{Caller, GrantedScopes, NamedScope, Principal};
use domain::audit::{Access, Act, Actor, Interaction};
use domain::event::DELIVERY;
use domain::person::NumberCheck;
use service::person::{
    RegistryEventContext, invalidate, move_practice, record_death, restrict, supersede_nhs_number, unrestrict,
};
use store::{ReceivedEvent, Tx};

use event::{Fact, RegistryEvent};
use problem::Problem;

/// The path of this API.
pub const PATH: &str = "/events";

/// The settings of the senders.
#[derive(Clone, Debug)]
pub struct Senders {
    /// The names of the policy's tokens with which systems may send events.
    pub names: Arc<[String]>,
    /// How the NHS numbers in events are checked.
    pub number_check: NumberCheck,
}

/// Adds the route.
pub fn configure(config: &mut ServiceConfig) {
    let refuse = || async { Err::<HttpResponse, _>(Problem::method()) };
    let resource = web::resource(PATH).route(web::post().to(take)).default_service(web::to(refuse));
    config.service(resource.wrap(from_fn(catch_panics::<Problem>)));
}

async fn take(
    gate: Data<Gate>,
    bodies: Data<Bodies>,
    senders: Data<Senders>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    // A notification of this service, or of another such server: its content, which a subscriber can
    // influence, must not count as an event of the registry.
    if request.headers().contains_key(DELIVERY) {
        return Err(Problem::forbidden());
    }
    let caller = authenticate::<Problem>(&request)?;
    let result = deal_with((&gate, &bodies, &senders), &request, payload, caller.clone()).await;
    // A processed event has its audit record in its transaction.
    let Err(problem) = result else { return result };
    let create = Act::Access(Interaction::Create);
    let access = Access::new(create, Actor::of(&caller), gate.clock.now()).of("CloudEvent");
    record::answer(&gate, vec![access.ended(problem.outcome())], Err(problem)).await
}

async fn deal_with(
    (gate, bodies, senders): (&Gate, &Bodies, &Senders),
    request: &HttpRequest,
    payload: Payload,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    check_scope(senders, &caller)?;
    let mode = event::mode(request)?;
    let bytes = bodies.read(request.headers(), payload).await?;
    let now = gate.clock.now();
    let (size, depth) = (bytes.len(), bodies.limits.json_depth);
    let body = bodies.cpu.run(size, move || event::parse(&bytes, depth)).await?;
    let event = RegistryEvent::read(request, mode, body, senders.number_check)?;
    event.check_time(now)?;
    let id = event.id.clone();
    let is_known_type = event.fact.is_some();
    let outcome: Result<_, Error> =
        gate.write_as(caller.clone(), move |tx| apply(tx, &caller, &event, now)).await;
    let outcome = outcome?.value;
    let mut response = if is_known_type { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    Ok(response.json(json!({ "id": id, "outcome": outcome })))
}

/// Processes an event, once. Events are processed one after the other, so that two about the same person
/// never conflict.
fn apply(
    tx: &mut Tx<'_>,
    caller: &Caller,
    event: &RegistryEvent,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<String, Error> {
    let inbound =
        ReceivedEvent { source: &event.source, id: &event.id, kind: &event.kind, occurred_at: event.time };
    tx.lock_condition("what the registry tells")?;
    if !tx.insert_if_new(&inbound, now)? {
        let known = tx.find_inbound_outcome(&inbound)?;
        return known.ok_or_else(|| Error::busy("a concurrent request removed the event"));
    }
    let context = RegistryEventContext { caller, at: event.time, now };
    let outcome = match &event.fact {
        None => "ignored",
        Some((person, fact)) => {
            let outcome = match fact {
                Fact::Death => record_death(tx, context, *person),
                Fact::NewNumber(new) => supersede_nhs_number(tx, context, *person, *new),
                Fact::Invalidation => invalidate(tx, context, *person),
                Fact::Restriction => restrict(tx, context, *person),
                Fact::Lifting => unrestrict(tx, context, *person),
                Fact::Practice(practice) => move_practice(tx, context, *person, practice.as_ref()),
            };
            outcome?.as_str()
        }
    };
    tx.save_inbound_outcome(&inbound, outcome)?;
    // An event without effect is recorded as an access.
    if tx.recorded() == 0 {
        let access = Access::new(Act::Access(Interaction::Create), Actor::of(caller), now);
        tx.record_access(&access.of("CloudEvent"))?;
    }
    if outcome == "contradiction" {
        tracing::warn!(
            event.id = event.id,
            "a registry event contradicts the stored data and was not applied"
        );
    }
    Ok(outcome.to_owned())
}

/// Whether the caller may send events: an app with the scope, or a system that the settings name. In the
/// sandbox, any caller.
fn check_scope(senders: &Senders, caller: &Caller) -> Result<(), Problem> {
    let may = match (&caller.principal, &caller.granted_scopes) {
        (Principal::Anyone, _) => true,
        (Principal::System { .. }, GrantedScopes::Scopes(scopes)) => scopes.has(NamedScope::RegistryEvents),
        (Principal::System { name }, GrantedScopes::None) => senders.names.contains(name),
        (
            Principal::Citizen { .. }
            | Principal::Proxy { .. }
            | Principal::Staff { .. }
            | Principal::Service,
            _,
        ) => false,
    };
    if may { Ok(()) } else { Err(Problem::forbidden()) }
}
