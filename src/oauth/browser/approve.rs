//! `/oauth/approve`: the user approves or denies the app's request. `/oauth/leave`: the user cancels.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;

use ::web::gate::Gate;
use base::error::Error;
use domain::account::{Acting, KnownPerson, LogIn, Mode, Stage};
use service::account::{ApproveError, approve, grant_ttl};

use super::app::authority;
use super::log_in::{client_of, next_page};
use super::page::{self, ApprovePage, Leave, Problem};
use super::patient;
use super::redirect::{Back, Refused, see_other};
use super::sentence::{Whom, sentences};
use super::visit::{self, Visit};

pub(super) async fn show(gate: Data<Gate>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (visit, log_in) = visit::current(&gate, &request).await?;
    let may_link = log_in.person().is_some_and(KnownPerson::is_citizen);
    let Stage::Known { acting: Some(acting), .. } = log_in.stage else {
        return Ok(see_other(next_page(&log_in)));
    };
    let client = client_of(&gate, &log_in).await?;
    let patient = match acting {
        Acting::Oneself => None,
        Acting::For { patient, .. } => {
            let read = gate.store.read(move |tx| tx.list_current_people(&[patient])).await;
            let people: Vec<_> = read.map_err(|error: Error| Problem::from(error))?;
            let Some(person) = people.first() else { return Ok(see_other("/oauth/patient")) };
            Some(::web::page::name_of(person))
        }
    };
    let possessive = patient.as_ref().map(|name| format!("{name}’s"));
    let lasts = match client.mode {
        Mode::Citizen => {
            format!(
                "for up to {}",
                in_words(grant_ttl(&log_in.request.scopes, authority(&gate)?.lifetimes()))
            )
        }
        Mode::Staff | Mode::System => "for as long as it is registered here".to_owned(),
    };
    let lasts = lasts.as_str();
    let whom = match (&patient, &possessive) {
        (Some(object), Some(possessive)) => Whom { object, possessive, lasts },
        _ if client.mode == Mode::Staff => Whom { object: "patients", possessive: "patients’", lasts },
        _ => Whom { object: "you", possessive: "your", lasts },
    };
    let leave = Leave::new(visit.form_token(), &log_in, &client);
    let page = ApprovePage {
        style: page::style_url(),
        leave: leave.clone(),
        sentences: sentences(&log_in.request.scopes, &whom),
        patient,
        may_link,
        has_choice: log_in.asks_for_whom(),
    };
    Ok(page::render(StatusCode::OK, &page, &leave))
}

/// A duration in words: `12 hours`, `1 day`.
fn in_words(span: TimeDelta) -> String {
    let (number, unit) = match span.num_days() {
        days @ 1.. => (days, "day"),
        _ => (span.num_hours(), "hour"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

pub(super) async fn decide(
    gate: Data<Gate>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (visit, log_in, params) = visit::submitted(&gate, &request, payload).await?;
    match params.last("answer") {
        Some("allow") => allow(&gate, &visit, &log_in).await,
        Some("deny") => deny(&gate, &visit).await,
        _ => Ok(see_other(next_page(&log_in))),
    }
}

pub(super) async fn leave(
    gate: Data<Gate>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (visit, ..) = visit::submitted(&gate, &request, payload).await?;
    deny(&gate, &visit).await
}

async fn allow(gate: &Gate, visit: &Visit, log_in: &LogIn) -> Result<HttpResponse, Problem> {
    let authority = authority(gate)?;
    let client = client_of(gate, log_in).await?;
    let (digest, clock, lifetimes) = (visit.digest(), gate.clock.clone(), authority.lifetimes());
    match gate.store.write(move |tx| approve(tx, &*clock, lifetimes, &digest)).await {
        Ok(approved) => {
            let back = Back::of(&approved.request, authority.issuer()).with_code(&approved.code);
            Ok(Visit::forget_in(gate, back))
        }
        Err(ApproveError::Gone) => Ok(see_other(next_page(log_in))),
        Err(ApproveError::RoleLapsed) => {
            let told = "You can no longer act for the person you chose. Choose again";
            patient::ask(gate, visit, log_in, StatusCode::CONFLICT, Some(told)).await
        }
        Err(ApproveError::Person) => Err(Problem::new(403, "We cannot find your record")
            .saying("There is no current record for the NHS number that you logged in with.")
            .saying("Ask your GP surgery whether your details are up to date.")
            .with_leave(Leave::new(visit.form_token(), log_in, &client))),
        Err(ApproveError::Store(error)) => Err(error.into()),
    }
}

/// Denies the request: redirects to the app with `access_denied`.
async fn deny(gate: &Gate, visit: &Visit) -> Result<HttpResponse, Problem> {
    let authority = authority(gate)?;
    let (digest, now) = (visit.digest(), gate.clock.now());
    let taken: Result<Option<LogIn>, Error> = gate.store.write(move |tx| tx.take_log_in(&digest, now)).await;
    let log_in = taken?.ok_or_else(|| Problem::new(400, "Your log-in has ended"))?;
    let back = Back::of(&log_in.request, authority.issuer()).refused(Refused::DENIED);
    Ok(Visit::forget_in(gate, back))
}
