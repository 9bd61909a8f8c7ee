//! `/oauth/callback/{provider}`: the browser returns from a provider (RFC 6749 §4.1.2).
//!
//! The response must belong to the log-in of this browser (no forged log-in, §10.12), come from the provider
//! that was called (no mix-up, RFC 9207), and prove the required level.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::audit;
use crate::state::providers;
use ::web::gate::Gate;
use domain::account::identity::{AuthorizationResponse, Departure, Proven};
use domain::account::{AccessMode, Acting, KnownPerson, LogIn, LogInStage, Registration};
use idp::{ProviderKind, UpstreamError};
use service::account as command;
use service::account::LogInError;

use super::link;
use super::log_in::{LINK_PATH, PATH, callback_url, client_of, is_away, next_page, not_ours};
use super::page::{CancelForm, ErrorPage, Help};
use super::redirect::see_other;
use super::request::FormParams;
use super::session::{self, BrowserSession};

pub(super) async fn handle_callback(
    gate: Data<Gate>,
    request: HttpRequest,
    provider: Path<String>,
) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in) = session::current(&gate, &request).await?;
    let params = FormParams::parse(request.query_string().as_bytes());
    let client = client_of(&gate, &log_in).await?;
    let departure = departure_of(&log_in, &provider, &params)?;
    let is_linking = matches!(log_in.stage, LogInStage::Linking { .. });
    let cancel = || CancelForm::new(session.form_token(), &log_in, &client);
    let again = |problem: ErrorPage| if is_linking { problem.again_at(LINK_PATH) } else { problem };
    let providers = providers(&request)?;
    let known = providers.list(client.mode).find(|known| known.id == *provider);
    let name = known.map_or_else(|| provider.clone(), |known| known.name.clone());
    let help = known.and_then(|known| help_of(known.kind()));
    if let Some(error) = params.one("error").unwrap_or_default() {
        return Err(again(refused_there(error, &name)).with_cancel(cancel()));
    }
    let once = |name| params.one(name).unwrap_or_default().map(str::to_owned);
    let answer = once("code").map(|code| AuthorizationResponse { code, iss: once("iss") });
    let answer = answer.ok_or_else(|| again(not_ours()).with_cancel(cancel()))?;
    let callback = callback_url(&gate, &provider);
    let proven = match providers.complete(&provider, &departure, &callback, &answer).await {
        Ok(proven) => proven,
        Err(error) => {
            tracing::warn!(provider = *provider, %error, "a log-in failed");
            return Err(again(failed(error, &client, (&name, help))).with_cancel(cancel()));
        }
    };
    if is_linking {
        return link::complete_link(&gate, &session, &client, departure, proven).await;
    }
    check_enough(&proven, &client, (&name, help)).map_err(|problem| problem.with_cancel(cancel()))?;
    let known = proven.clone();
    let (session, log_in) = go_on(&gate, &session, departure, proven).await?;
    audit::log_in(&gate, &client, &known).await?;
    Ok(session.keep_in(&gate, see_other(next_page(&log_in))))
}

/// The stored request to the provider, if the response belongs to it.
fn departure_of(log_in: &LogIn, provider: &str, params: &FormParams) -> Result<Departure, ErrorPage> {
    let (LogInStage::Away { provider: asked, departure }
    | LogInStage::Linking { provider: asked, departure, .. }) = &log_in.stage
    else {
        return Err(not_ours());
    };
    let state = params.one("state").unwrap_or_default().unwrap_or_default();
    let is_same = verify_slices_are_equal(state.as_bytes(), departure.state.as_bytes()).is_ok();
    if asked == provider && is_same { Ok(departure.clone()) } else { Err(not_ours()) }
}

/// The provider returned an error. Its own text is not repeated.
fn refused_there(error: &str, name: &str) -> ErrorPage {
    match error {
        "access_denied" | "login_required" | "interaction_required" | "consent_required" => {
            ErrorPage::new(403, "You have not logged in")
                .saying(format!(
                    "{name} reported that you did not log in, or did not agree to share your details."
                ))
                .again_at(PATH)
        }
        _ => is_away(name, 400),
    }
}

/// Whether the provider proved what this kind of app requires.
fn check_enough(proven: &Proven, client: &Registration, at: At<'_>) -> Result<(), ErrorPage> {
    if proven.mode() != client.mode {
        return Err(ErrorPage::new(403, "You cannot use this app with this log-in").again_at(PATH));
    }
    let person = KnownPerson { user: uuid::Uuid::nil(), proven: proven.clone() };
    if !person.is_citizen() || person.proved_number().is_some() {
        return Ok(());
    }
    Err(too_little(at))
}

/// A log-in that the provider did not complete, or not to the required level.
fn failed(error: UpstreamError, client: &Registration, at: At<'_>) -> ErrorPage {
    let (name, _) = at;
    match error {
        UpstreamError::Unavailable => is_away(name, 503),
        UpstreamError::NotProved(_) if client.mode == AccessMode::Citizen => too_little(at),
        UpstreamError::NotProved(_) => ErrorPage::new(403, "You need to prove who you are")
            .saying(format!(
                "You have logged in with {name}, but it did not confirm who you are, or which organisation \
                 you work for. Ask the people who manage your log-in there."
            ))
            .again_at(PATH),
        UpstreamError::Unknown | UpstreamError::Refused(_) | UpstreamError::Fault(_) => is_away(name, 400),
    }
}

/// A provider: its name, and its help page on proving who you are.
type At<'p> = (&'p str, Option<&'static Help>);

static NHS_LOGIN_HELP: Help = Help {
    url: "https://help.login.nhs.uk/provewhoyouare/",
    words: "How to prove who you are with NHS login",
};

/// The page where a kind of provider explains how to prove who you are.
fn help_of(kind: &ProviderKind) -> Option<&'static Help> {
    match kind {
        ProviderKind::NhsLogin { .. } => Some(&NHS_LOGIN_HELP),
        ProviderKind::Cis2 { .. } | ProviderKind::Generic { .. } => None,
    }
}

/// The provider authenticated the user, but to a lower level than P9.
fn too_little((name, help): At<'_>) -> ErrorPage {
    let problem = ErrorPage::new(403, "You need to prove who you are first")
        .saying(format!(
            "You have logged in, but {name} has not confirmed your identity to the level this service needs. Nothing is \
             wrong with the service, and trying again before you have proved who you are will not help."
        ))
        .with_steps(&[
            "Have a passport, driving licence or other photo ID to hand.",
            "Log in to the NHS App or the NHS website, and choose to prove who you are.",
            "Without photo ID, ask your GP surgery for details to register for online services.",
            "Then come back and log in again.",
        ])
        .again_at(PATH);
    match help {
        Some(help) => problem.with_help(help),
        None => problem,
    }
}

/// Continues with a new cookie, so that the old one, if another person knew it, is useless (session
/// fixation).
async fn go_on(
    gate: &Gate,
    session: &BrowserSession,
    departure: Departure,
    proven: Proven,
) -> Result<(BrowserSession, LogIn), ErrorPage> {
    let fresh = BrowserSession::begin()?;
    let (old, new, clock) = (session.digest(), fresh.digest(), gate.clock.clone());
    let known: Result<Option<LogIn>, LogInError> = gate
        .store
        .write(move |tx| {
            let Some(log_in) = tx.take_log_in(&old, clock.now())? else { return Ok(None) };
            let is_there =
                matches!(&log_in.stage, LogInStage::Away { departure: sent, .. } if *sent == departure);
            if !is_there {
                return Ok(None);
            }
            let user = command::log_in(tx, &*clock, &proven)?.user;
            let person = KnownPerson { user, proven };
            let mut log_in =
                LogIn { stage: LogInStage::Known { person: person.clone(), acting: None }, ..log_in };
            if !log_in.asks_for_whom() {
                log_in.stage = LogInStage::Known { person, acting: Some(Acting::Oneself) };
            }
            tx.insert_log_in(&new, &log_in)?;
            Ok(Some(log_in))
        })
        .await;
    Ok((fresh, known?.ok_or_else(not_ours)?))
}
