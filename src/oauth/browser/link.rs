//! `/oauth/link`: a logged-in user adds a second identity. Both are proved in one session of one browser: the
//! first at log-in, the second now.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::audit;
use crate::state::providers;
use ::web::gate::Gate;
use base::error::Error;
use domain::account::identity::{Departure, Proven};
use domain::account::{KnownPerson, LogIn, LogInStage, Registration};
use service::account::{LinkError, link_identity};

use super::log_in::{LINK_PATH, client_of, list_choices, next_page, not_ours, send_away};
use super::page::{self, CancelForm, ErrorPage, LinkPage};
use super::redirect::see_other;
use super::session::{self, BrowserSession};

/// The log-in of this browser. If the user was on the way to a provider for this page and came back without
/// it, that attempt is cancelled.
async fn current(gate: &Gate, request: &HttpRequest) -> Result<(BrowserSession, LogIn), ErrorPage> {
    let (session, log_in) = session::current(gate, request).await?;
    if !matches!(log_in.stage, LogInStage::Linking { .. }) {
        return Ok((session, log_in));
    }
    let log_in = LogIn { stage: log_in.stage.after_linking(), ..log_in };
    let (digest, kept) = (session.digest(), log_in.clone());
    let saved: Result<(), Error> = gate.store.write(move |tx| tx.save_log_in(&digest, &kept)).await;
    saved?;
    Ok((session, log_in))
}

/// `GET /oauth/link`: lists the providers. The choice is a link, as on the log-in page.
pub(super) async fn show(gate: Data<Gate>, request: HttpRequest) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in) = current(&gate, &request).await?;
    let Some(user) = log_in.person().filter(|person| person.is_citizen()).map(|person| person.user) else {
        return Ok(see_other(next_page(&log_in)));
    };
    let client = client_of(&gate, &log_in).await?;
    let known: Result<_, Error> = gate.store.read(move |tx| tx.list_identities(user)).await;
    let known = known?.len();
    let providers = list_choices(&*providers(&request)?, &session, &client, LINK_PATH);
    let cancel = CancelForm::new(session.form_token(), &log_in, &client);
    let page = LinkPage {
        style: page::style_url(),
        cancel: cancel.clone(),
        providers,
        known,
        has_one: known == 1,
        next: next_page(&log_in),
    };
    Ok(page::render(StatusCode::OK, &page, &cancel))
}

/// `GET /oauth/link/{provider}`: redirects to a provider. The link carries the token of this log-in, so no
/// other site can send the browser here.
pub(super) async fn depart(
    gate: Data<Gate>,
    request: HttpRequest,
    provider: Path<String>,
) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in) = current(&gate, &request).await?;
    session.check_link(&request)?;
    if !log_in.person().is_some_and(KnownPerson::is_citizen) {
        return Ok(see_other(next_page(&log_in)));
    }
    let client = client_of(&gate, &log_in).await?;
    send_away((&gate, &*providers(&request)?), &session, log_in, &client, &provider, true).await
}

/// The response of the provider: the two identities become one user's, or nothing changes. The browser gets a
/// new cookie, as after every log-in.
pub(super) async fn complete_link(
    gate: &Gate,
    session: &BrowserSession,
    client: &Registration,
    departure: Departure,
    second: Proven,
) -> Result<HttpResponse, ErrorPage> {
    let fresh = BrowserSession::begin()?;
    let (old, new, clock) = (session.digest(), fresh.digest(), gate.clock.clone());
    let client_id = client.client_id.clone();
    let linked: Result<bool, LinkError> = gate
        .store
        .write(move |tx| {
            let Some(log_in) = tx.take_log_in(&old, clock.now())? else { return Ok(false) };
            let is_there =
                matches!(&log_in.stage, LogInStage::Linking { departure: sent, .. } if *sent == departure);
            let Some(person) = log_in.person().filter(|_| is_there) else { return Ok(false) };
            link_identity(tx, &*clock, &person.proven, &second)?;
            let record = audit::identity_linked(&client_id, &person.proven, clock.now());
            tx.record_accesses(&[&record])?;
            tx.insert_log_in(&new, &LogIn { stage: log_in.stage.after_linking(), ..log_in })?;
            Ok(true)
        })
        .await;
    match linked {
        Ok(true) => Ok(fresh.keep_in(gate, see_other(LINK_PATH))),
        Ok(false) => Err(not_ours()),
        Err(LinkError::LogIn(error)) => Err(error.into()),
        // The same words for both: the page must not reveal whose the other identity is.
        Err(LinkError::Taken | LinkError::DifferentPeople) => {
            Err(ErrorPage::new(403, "This way to log in cannot be added")
                .saying("It belongs to someone else, or another account already uses it.")
                .again_at(LINK_PATH))
        }
    }
}
