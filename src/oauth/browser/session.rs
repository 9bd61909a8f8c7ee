//! Binds a log-in to its browser: a cookie with a handle, and the token of its forms.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use actix_web::web::Payload;
use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::form;
use ::web::body::Bodies;
use ::web::gate::Gate;
use ::web::state;
use base::error::Error;
use base::token::digest;
use base::token::new_secret;
use domain::account::LogIn;

use super::page::ErrorPage;
use super::request::FormParams;

/// The browser's session during a log-in.
#[derive(Clone)]
pub(super) struct BrowserSession {
    handle: String,
}

/// The name of the cookie, and whether it requires TLS: everywhere except on localhost. The prefix keeps
/// other hosts and paths from setting it (RFC 6265bis §4.1.3).
fn cookie_name(gate: &Gate) -> (&'static str, bool) {
    let host =
        gate.public_url.strip_prefix("http://").map(|rest| rest.rsplit_once(':').unwrap_or((rest, "")).0);
    match host {
        Some("localhost" | "127.0.0.1" | "[::1]") => ("onbehalf-login", false),
        _ => ("__Host-onbehalf-login", true),
    }
}

impl BrowserSession {
    /// A new session.
    pub(super) fn begin() -> Result<Self, Error> {
        Ok(Self { handle: new_secret()? })
    }

    /// The session of the request's cookie.
    pub(super) fn of(gate: &Gate, request: &HttpRequest) -> Option<Self> {
        let (name, _) = cookie_name(gate);
        let headers = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
        let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
        let (_, handle) = pairs.find(|(known, _)| known.trim() == name)?;
        Some(Self { handle: handle.trim().to_owned() })
    }

    /// The key in the store.
    pub(super) fn digest(&self) -> String {
        digest(&self.handle)
    }

    /// The token of its forms: it cannot be computed without the cookie, nor the cookie from it.
    pub(super) fn form_token(&self) -> String {
        digest(&format!("form {}", self.handle))
    }

    /// Whether a form belongs to this session.
    pub(super) fn owns(&self, params: &FormParams) -> bool {
        let shown = params.last("token").unwrap_or_default();
        verify_slices_are_equal(shown.as_bytes(), self.form_token().as_bytes()).is_ok()
    }

    /// Refuses a link that does not belong to this session: no other site can send the browser there.
    pub(super) fn check_link(&self, request: &HttpRequest) -> Result<(), ErrorPage> {
        if self.owns(&FormParams::parse(request.query_string().as_bytes())) { Ok(()) } else { Err(forged()) }
    }

    /// Sets the cookie.
    pub(super) fn keep_in(&self, gate: &Gate, response: HttpResponse) -> HttpResponse {
        set_cookie(gate, response, &self.handle, LogIn::TTL.num_seconds())
    }

    /// Deletes the cookie.
    pub(super) fn forget_in(gate: &Gate, response: HttpResponse) -> HttpResponse {
        set_cookie(gate, response, "", 0)
    }
}

fn set_cookie(gate: &Gate, mut response: HttpResponse, value: &str, max_age: i64) -> HttpResponse {
    let (name, is_secure) = cookie_name(gate);
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// The log-in of this browser.
pub(super) async fn current(
    gate: &Gate,
    request: &HttpRequest,
) -> Result<(BrowserSession, LogIn), ErrorPage> {
    let session = BrowserSession::of(gate, request).ok_or_else(over)?;
    let (digest, now) = (session.digest(), gate.clock.now());
    let found: Result<_, Error> = gate.store.read(move |tx| tx.find_log_in(&digest, now)).await;
    let log_in = found?.ok_or_else(over)?;
    Ok((session, log_in))
}

/// The log-in of this browser, and the form that it sends, which must belong to the session.
pub(super) async fn submitted(
    gate: &Gate,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(BrowserSession, LogIn, FormParams), ErrorPage> {
    let params = read_form(request, payload).await?;
    let (session, log_in) = current(gate, request).await?;
    if !session.owns(&params) {
        return Err(forged());
    }
    Ok((session, log_in, params))
}

/// Reads a form, within the limits.
pub(super) async fn read_form(request: &HttpRequest, payload: Payload) -> Result<FormParams, ErrorPage> {
    let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(
            ErrorPage::new(415, "This page accepts a form").saying("Send application/x-www-form-urlencoded.")
        );
    }
    let bytes = state::<Bodies>(request)?.read_at_most(form::MAX_BYTES, request.headers(), payload).await?;
    Ok(FormParams::parse(&bytes))
}

/// A form or a link of another site, or of an earlier log-in.
pub(super) fn forged() -> ErrorPage {
    ErrorPage::new(403, "There is a problem with this page")
        .saying("It does not belong to your current log-in. Go back to the app and log in again.")
}

fn over() -> ErrorPage {
    ErrorPage::new(400, "Your log-in has ended").saying(
        "You took longer than 15 minutes, started another log-in in this browser, or your browser does not accept cookies.",
    ).saying("Go back to the app and log in again.")
}
