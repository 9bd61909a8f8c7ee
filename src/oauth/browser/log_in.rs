//! The choice of a provider, and the redirect to it.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::state::providers;
use ::web::gate::Gate;
use base::error::Error;
use domain::account::{LogIn, LogInStage, Registration};
use idp::Providers;

use super::app::find_app;
use super::page::{self, CancelForm, ErrorPage, ProviderChoice, ProviderPage};
use super::redirect::see_other;
use super::session::{self, BrowserSession};

/// The page that offers a second way to log in.
pub(super) const LINK_PATH: &str = "/oauth/link";

/// The page that lists the providers.
pub(super) const PATH: &str = "/oauth/log-in";

/// The app of a log-in.
pub(super) async fn client_of(gate: &Gate, log_in: &LogIn) -> Result<Arc<Registration>, ErrorPage> {
    let found = find_app(gate, &log_in.app).await?;
    found.ok_or_else(|| ErrorPage::new(400, "The app is no longer registered"))
}

/// The page on which a log-in continues.
pub(super) fn next_page(log_in: &LogIn) -> &'static str {
    match &log_in.stage {
        LogInStage::Begun | LogInStage::Away { .. } => PATH,
        LogInStage::Linking { .. } => LINK_PATH,
        LogInStage::Known { acting: None, .. } => "/oauth/patient",
        LogInStage::Known { acting: Some(_), .. } => "/oauth/approve",
    }
}

/// The providers for an app, each as a link below a page.
pub(super) fn list_choices(
    providers: &Providers,
    session: &BrowserSession,
    client: &Registration,
    page: &str,
) -> Vec<ProviderChoice> {
    let token = session.form_token();
    let choices = providers.list(client.mode).map(|provider| ProviderChoice {
        url: format!("{page}/{}?token={token}", provider.id),
        name: provider.name.clone(),
    });
    choices.collect()
}

/// `GET /oauth/log-in`: lists the providers. The choice is a link: the target of a form's redirect would have
/// to be in the page's policy, and the address of a provider is known only after the choice.
pub(super) async fn show(gate: Data<Gate>, request: HttpRequest) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in) = session::current(&gate, &request).await?;
    let client = client_of(&gate, &log_in).await?;
    let providers = list_choices(&*providers(&request)?, &session, &client, PATH);
    let cancel = CancelForm::new(session.form_token(), &log_in, &client);
    let page = ProviderPage { style: page::style_url(), cancel: cancel.clone(), providers };
    Ok(page::render(StatusCode::OK, &page, &cancel))
}

/// `GET /oauth/log-in/{provider}`: redirects to a provider.
pub(super) async fn depart(
    gate: Data<Gate>,
    request: HttpRequest,
    provider: Path<String>,
) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in) = session::current(&gate, &request).await?;
    session.check_link(&request)?;
    let client = client_of(&gate, &log_in).await?;
    send_away((&gate, &*providers(&request)?), &session, log_in, &client, &provider, false).await
}

/// Redirects a browser to a provider for this kind of user: to log in, or to add a second identity.
pub(super) async fn send_away(
    (gate, providers): (&Gate, &Providers),
    session: &BrowserSession,
    log_in: LogIn,
    client: &Registration,
    provider: &str,
    is_linking: bool,
) -> Result<HttpResponse, ErrorPage> {
    let known = providers.list(client.mode).find(|known| known.id == provider);
    let known = known.ok_or_else(|| ErrorPage::new(404, "Page not found"))?;
    let departure = match providers.begin(&known.id, &callback_url(gate, &known.id)).await {
        Ok(departure) => departure,
        Err(error) => {
            tracing::warn!(provider = known.id, %error, "starting a log-in at an identity provider failed");
            let problem =
                is_away(&known.name, 503).with_cancel(CancelForm::new(session.form_token(), &log_in, client));
            return Err(if is_linking { problem.again_at(LINK_PATH) } else { problem });
        }
    };
    let url = departure.url.clone();
    let provider = known.id.clone();
    let stage = match log_in.stage {
        LogInStage::Known { person, acting } if is_linking => {
            LogInStage::Linking { person, acting, provider, departure }
        }
        LogInStage::Begun
        | LogInStage::Away { .. }
        | LogInStage::Linking { .. }
        | LogInStage::Known { .. } => LogInStage::Away { provider, departure },
    };
    let log_in = LogIn { stage, ..log_in };
    let digest = session.digest();
    let saved: Result<(), Error> = gate.store.write(move |tx| tx.save_log_in(&digest, &log_in)).await;
    saved?;
    Ok(see_other(&url))
}

/// The URL to which a provider redirects.
pub(super) fn callback_url(gate: &Gate, provider: &str) -> String {
    format!("{}/oauth/callback/{provider}", gate.public_url)
}

/// A provider that does not respond, or not correctly.
pub(super) fn is_away(name: &str, status: u16) -> ErrorPage {
    ErrorPage::new(status, format!("{name} is not available"))
        .saying(format!("We could not log you in with {name}. Try again in a few minutes."))
        .again_at(PATH)
}

pub(super) fn not_ours() -> ErrorPage {
    ErrorPage::new(400, "You are not logged in")
        .saying("This page does not belong to a log-in that was started in this browser.")
        .again_at(PATH)
}
