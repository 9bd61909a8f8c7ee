//! `/oauth/approve`: the user approves or denies the app's request. `/oauth/cancel`: the user cancels.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;

use ::web::gate::Gate;
use base::error::Error;
use domain::account::{AccessMode, Acting, KnownPerson, LogIn, LogInStage};
use service::account::{ApproveError, approve, grant_ttl};

use super::app::authority;
use super::log_in::{client_of, next_page};
use super::page::{self, ApprovePage, CancelForm, ErrorPage};
use super::patient;
use super::redirect::{AuthorizationError, Back, see_other};
use super::scope_description::{Whom, describe_scopes};
use super::session::{self, BrowserSession};

pub(super) async fn show(gate: Data<Gate>, request: HttpRequest) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in) = session::current(&gate, &request).await?;
    let may_link = log_in.person().is_some_and(KnownPerson::is_citizen);
    let LogInStage::Known { acting: Some(acting), .. } = log_in.stage else {
        return Ok(see_other(next_page(&log_in)));
    };
    let client = client_of(&gate, &log_in).await?;
    let patient = match acting {
        Acting::Oneself => None,
        Acting::For { patient, .. } => {
            let read = gate.store.read(move |tx| tx.list_current_people(&[patient])).await;
            let people: Vec<_> = read.map_err(|error: Error| ErrorPage::from(error))?;
            let Some(person) = people.first() else { return Ok(see_other("/oauth/patient")) };
            Some(::web::page::name_of(person))
        }
    };
    let possessive = patient.as_ref().map(|name| format!("{name}’s"));
    let lasts = match client.mode {
        AccessMode::Citizen => {
            format!(
                "for up to {}",
                in_words(grant_ttl(&log_in.request.scopes, authority(&gate)?.lifetimes()))
            )
        }
        AccessMode::Staff | AccessMode::System => "for as long as it is registered here".to_owned(),
    };
    let lasts = lasts.as_str();
    let whom = match (&patient, &possessive) {
        (Some(object), Some(possessive)) => Whom { object, possessive, lasts },
        _ if client.mode == AccessMode::Staff => {
            Whom { object: "patients", possessive: "patients’", lasts }
        }
        _ => Whom { object: "you", possessive: "your", lasts },
    };
    let cancel = CancelForm::new(session.form_token(), &log_in, &client);
    let page = ApprovePage {
        style: page::style_url(),
        cancel: cancel.clone(),
        descriptions: describe_scopes(&log_in.request.scopes, &whom),
        patient,
        may_link,
        has_choice: log_in.asks_for_whom(),
    };
    Ok(page::render(StatusCode::OK, &page, &cancel))
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
) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in, params) = session::submitted(&gate, &request, payload).await?;
    match params.last("answer") {
        Some("allow") => allow(&gate, &session, &log_in).await,
        Some("deny") => deny(&gate, &session).await,
        _ => Ok(see_other(next_page(&log_in))),
    }
}

pub(super) async fn cancel(
    gate: Data<Gate>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ErrorPage> {
    let (session, ..) = session::submitted(&gate, &request, payload).await?;
    deny(&gate, &session).await
}

async fn allow(gate: &Gate, session: &BrowserSession, log_in: &LogIn) -> Result<HttpResponse, ErrorPage> {
    let authority = authority(gate)?;
    let client = client_of(gate, log_in).await?;
    let (digest, clock, lifetimes) = (session.digest(), gate.clock.clone(), authority.lifetimes());
    match gate.store.write(move |tx| approve(tx, &*clock, lifetimes, &digest)).await {
        Ok(approved) => {
            let back = Back::of(&approved.request, authority.issuer()).with_code(&approved.code);
            Ok(BrowserSession::forget_in(gate, back))
        }
        Err(ApproveError::Gone) => Ok(see_other(next_page(log_in))),
        Err(ApproveError::RoleLapsed) => {
            let message = "You can no longer act for the person you chose. Choose again";
            patient::ask(gate, session, log_in, StatusCode::CONFLICT, Some(message)).await
        }
        Err(ApproveError::Person) => Err(ErrorPage::new(403, "We cannot find your record")
            .saying("There is no current record for the NHS number that you logged in with.")
            .saying("Ask your GP surgery whether your details are up to date.")
            .with_cancel(CancelForm::new(session.form_token(), log_in, &client))),
        Err(ApproveError::Store(error)) => Err(error.into()),
    }
}

/// Denies the request: redirects to the app with `access_denied`.
async fn deny(gate: &Gate, session: &BrowserSession) -> Result<HttpResponse, ErrorPage> {
    let authority = authority(gate)?;
    let (digest, now) = (session.digest(), gate.clock.now());
    let taken: Result<Option<LogIn>, Error> = gate.store.write(move |tx| tx.take_log_in(&digest, now)).await;
    let log_in = taken?.ok_or_else(|| ErrorPage::new(400, "Your log-in has ended"))?;
    let back = Back::of(&log_in.request, authority.issuer()).refused(AuthorizationError::DENIED);
    Ok(BrowserSession::forget_in(gate, back))
}
