//! `/oauth/log-out`: the user logs out (OpenID Connect RP-Initiated Logout 1.0). The page asks first, and
//! lets the user choose whether the app's access ends here or everywhere.
//!
//! The cookie identifies the browser's own log-in. The id token that the app sends (`id_token_hint`)
//! identifies the app's grant: it ends what the user granted to that app, and never discloses or grants
//! anything.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use uuid::Uuid;

use ::web::gate::Gate;
use base::error::Error;
use domain::account::Registration;
use jose::key::KeyPurpose;
use service::account::revoke::{AppLogOut, log_out};
use service::authority::Authority;

use super::app::{authority, find_app};
use super::page::{self, ErrorPage, LogOutPage, LoggedOutPage};
use super::redirect::see_other;
use super::request::{FormParams, RepeatedParameter};
use super::session::{self, BrowserSession, read_form};

/// The endpoint (`end_session_endpoint`), which is also the target of its form.
pub(super) const PATH: &str = domain::account::endpoints::END_SESSION;
pub(super) const CONFIRM: &str = "/oauth/log-out/confirm";

/// The parameters that the form repeats, so that nothing is stored between the requests.
const REPEATED: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];
/// The longest `state` that is returned.
const LONGEST: usize = 2048;

/// The claims of an id token that matter for a log-out. It may have expired (§2).
#[derive(Deserialize)]
struct Hint {
    iss: String,
    aud: String,
    sub: Uuid,
    iat: i64,
    /// The grant of the id token; absent in tokens from before this endpoint existed.
    #[serde(default)]
    sid: Option<Uuid>,
}

/// A validated log-out request.
struct Asked {
    hint: Option<Hint>,
    app: Option<Arc<Registration>>,
    /// The redirect URL after the log-out.
    back: Option<String>,
}

pub(super) async fn by_get(gate: Data<Gate>, request: HttpRequest) -> Result<HttpResponse, ErrorPage> {
    show(&gate, &request, &FormParams::parse(request.query_string().as_bytes())).await
}

pub(super) async fn by_post(
    gate: Data<Gate>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ErrorPage> {
    let params = read_form(&request, payload).await?;
    show(&gate, &request, &params).await
}

/// Renders the page.
async fn show(gate: &Gate, request: &HttpRequest, params: &FormParams) -> Result<HttpResponse, ErrorPage> {
    let asked = read(gate, params).await?;
    let mut fields: Vec<(&'static str, String)> = Vec::new();
    for name in REPEATED {
        fields.extend(params.one(name).unwrap_or_default().map(|value| (name, value.to_owned())));
    }
    fields.extend(BrowserSession::of(gate, request).map(|session| ("token", session.form_token())));
    let name = asked.app.as_ref().filter(|_| asked.hint.is_some()).map(|app| app.name.clone());
    let page = LogOutPage { style: page::style_url(), fields, app: name };
    Ok(page::render_towards(StatusCode::OK, &page, asked.back.as_deref()))
}

/// Handles the form.
pub(super) async fn confirm(
    gate: Data<Gate>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ErrorPage> {
    let params = read_form(&request, payload).await?;
    let asked = read(&gate, &params).await?;
    let session = BrowserSession::of(&gate, &request);
    // A page that was opened by an app's form was rendered without the cookie, and so without the form's
    // token; then the browser's `Sec-Fetch-Site` shows that the form is this server's.
    let is_same_origin = request.headers().get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if !is_same_origin && session.as_ref().is_some_and(|session| !session.owns(&params)) {
        return Err(session::forged());
    }
    let is_everywhere = params.last("where") == Some("everywhere");
    let ending = asked.hint.as_ref().map(|hint| AppLogOut {
        user: hint.sub,
        app: hint.aud.clone(),
        grant: hint.sid,
        is_everywhere,
    });
    let (log_in, now) = (session.map(|session| session.digest()), gate.clock.now());
    let ended: Result<(), Error> =
        gate.store.write(move |tx| log_out(tx, log_in.as_deref(), ending.as_ref(), now)).await;
    ended?;
    let name = asked.app.as_ref().filter(|_| asked.hint.is_some()).map(|app| app.name.clone());
    let response = match &asked.back {
        Some(back) => see_other(back),
        None => {
            page::render_towards(StatusCode::OK, &LoggedOutPage { style: page::style_url(), app: name }, None)
        }
    };
    Ok(BrowserSession::forget_in(&gate, response))
}

/// Validates the request (§2, §3): a browser is redirected only to a URL that is registered, by exact
/// comparison.
async fn read(gate: &Gate, params: &FormParams) -> Result<Asked, ErrorPage> {
    let authority = authority(gate)?;
    let once =
        |name| params.one(name).map_err(|RepeatedParameter| bad_link("It has a parameter more than once."));
    let hint = match once("id_token_hint")? {
        Some(token) => {
            let hint = read_hint(&authority, token, gate.clock.now().timestamp());
            Some(hint.ok_or_else(|| {
                bad_link("It does not come from a log-in with this service, or it is too old.")
            })?)
        }
        None => None,
    };
    let client_id = once("client_id")?;
    if hint.as_ref().zip(client_id).is_some_and(|(hint, client_id)| hint.aud != client_id) {
        return Err(bad_link("It names two different apps."));
    }
    let client_id = hint.as_ref().map(|hint| hint.aud.as_str()).or(client_id);
    let known = match client_id {
        Some(client_id) => Some(
            find_app(gate, client_id)
                .await?
                .ok_or_else(|| bad_link("The app is not known to this service."))?,
        ),
        None => None,
    };
    let back = match once("post_logout_redirect_uri")? {
        Some(uri) => {
            let is_registered =
                known.as_ref().is_some_and(|app| app.logout_uris.iter().any(|own| own == uri));
            if !is_registered {
                return Err(bad_link("The app asked us to send you to an address we do not recognise."));
            }
            let state = once("state")?.filter(|state| state.len() <= LONGEST);
            Some(state.map_or_else(|| uri.to_owned(), |state| with_state(uri, state)))
        }
        None => None,
    };
    Ok(Asked { hint, app: known, back })
}

/// An id token of this server, for a log-in that may still be valid.
fn read_hint(authority: &Authority, token: &str, now: i64) -> Option<Hint> {
    let hint: Hint = authority.read_signed(token, KeyPurpose::IdToken, "JWT").ok()?;
    let longest = authority.lifetimes().refresh_ttl.num_seconds();
    (hint.iss == authority.issuer() && now.saturating_sub(hint.iat) <= longest).then_some(hint)
}

fn with_state(uri: &str, state: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{query}")
}

/// A link that cannot be followed.
fn bad_link(words: &'static str) -> ErrorPage {
    ErrorPage::new(400, "This link does not work")
        .saying(words)
        .saying("You can still log out of this browser.")
        .again_at(PATH)
}
