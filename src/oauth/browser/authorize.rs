//! `/oauth/authorize` (RFC 6749 §4.1.1; SMART App Launch 2.2, "Request authorization code"; LA-01).
//!
//! Until the client and its redirect URI are verified, an error is a page: the browser is never redirected to
//! an unverified URL. After that, errors are sent to the app.

use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;

use crate::state::providers;
use crate::{par, refusal};
use ::web::gate::Gate;
use base::error::Error;
use base::token::digest;
use domain::account::{AuthorizationRequest, LogIn, LogInStage, Registration};
use service::authority::Authority;
use store::RetentionPolicy;

use super::app::{authority, find_app};
use super::log_in;
use super::page::ErrorPage;
use super::redirect::{AuthorizationError, Back, see_other};
use super::request::{self, FormParams, RepeatedParameter};
use super::session::{BrowserSession, read_form};

/// How many abandoned log-ins are removed with each new one.
const SWEPT: i64 = 20;

pub(super) async fn by_get(gate: Data<Gate>, request: HttpRequest) -> Result<HttpResponse, ErrorPage> {
    let params = FormParams::parse(request.query_string().as_bytes());
    answer(&gate, &request, &params).await
}

pub(super) async fn by_post(
    gate: Data<Gate>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ErrorPage> {
    let params = read_form(&request, payload).await?;
    answer(&gate, &request, &params).await
}

async fn answer(gate: &Gate, http: &HttpRequest, params: &FormParams) -> Result<HttpResponse, ErrorPage> {
    let authority = authority(gate)?;
    let once =
        |name| params.one(name).map_err(|RepeatedParameter| bad_link("It names the app more than once."));
    let client_id = once("client_id")?.ok_or_else(|| bad_link("It does not name an app."))?;
    let client = find_app(gate, client_id).await?;
    let client = client.ok_or_else(|| bad_link("The app is not known to this service."))?;
    let pushed = match once("request_uri")? {
        Some(uri) if uri.starts_with(par::PREFIX) => Some(take_pushed(gate, client_id, uri).await?),
        // A parameter elsewhere is refused below, at the app, once its redirect URI is known (OpenID Connect
        // Core §3.1.2.6).
        Some(_) | None => None,
    };
    let params = pushed.as_ref().unwrap_or(params);
    let redirect_uri = params
        .one("redirect_uri")
        .map_err(|RepeatedParameter| bad_link("It has more than one return address."))?;
    let redirect_uri = redirect_uri.filter(|uri| client.redirect_uris.iter().any(|known| known == uri));
    let redirect_uri = redirect_uri
        .ok_or_else(|| bad_link("The app asked us to send you to an address we do not recognise."))?;
    match request::read(params, &client, redirect_uri, &authority) {
        Ok(request) => begin((gate, http), &authority, &client, request).await,
        Err(refused) => {
            refusal::log_refusal(http, &client.client_id, (refused.error, refused.description));
            let state = params.one("state").unwrap_or_default();
            Ok(Back { redirect_uri, state, issuer: authority.issuer() }.refused(refused))
        }
    }
}

/// The parameters that an app has pushed (RFC 9126 §4). The store returns each `request_uri` once, to its own
/// app.
async fn take_pushed(gate: &Gate, client_id: &str, uri: &str) -> Result<FormParams, ErrorPage> {
    let (key, client_id, now) = (digest(uri), client_id.to_owned(), gate.clock.now());
    let taken: Result<_, Error> =
        gate.store.write(move |tx| tx.take_pushed_request(&key, &client_id, now)).await;
    let gone = || bad_link("Its request has expired or has already been used.");
    Ok(FormParams::parse(taken?.ok_or_else(gone)?.as_bytes()))
}

async fn begin(
    (gate, http): (&Gate, &HttpRequest),
    authority: &Arc<Authority>,
    client: &Registration,
    request: AuthorizationRequest,
) -> Result<HttpResponse, ErrorPage> {
    let all = providers(http)?;
    let providers: Vec<String> = all.list(client.mode).map(|provider| provider.id.clone()).collect();
    let now = gate.clock.now();
    let log_in = LogIn {
        app: client.client_id.clone(),
        request,
        stage: LogInStage::Begun,
        expires_at: now + LogIn::TTL,
    };
    if providers.is_empty() {
        let refused = AuthorizationError::new(
            "temporarily_unavailable",
            "No identity provider is configured for this app.",
        );
        return Ok(Back::of(&log_in.request, authority.issuer()).refused(refused));
    }
    let session = BrowserSession::begin()?;
    let (digest, kept) = (session.digest(), log_in.clone());
    let written: Result<(), Error> = gate
        .store
        .write(move |tx| {
            tx.delete_expired(RetentionPolicy::LogIns, now + TimeDelta::milliseconds(1), SWEPT)?;
            tx.insert_log_in(&digest, &kept)
        })
        .await;
    written?;
    let response = match providers.as_slice() {
        [only] => match log_in::send_away((gate, &*all), &session, log_in, client, only, false).await {
            Ok(away) => away,
            Err(problem) => problem.render(),
        },
        _ => see_other(log_in::PATH),
    };
    Ok(session.keep_in(gate, response))
}

/// A link that cannot be followed. The error is shown here and not sent to an app.
fn bad_link(words: &'static str) -> ErrorPage {
    ErrorPage::new(400, "This link does not work")
        .saying(words)
        .saying("Go back to the app, and tell the people who run it if this happens again.")
}
