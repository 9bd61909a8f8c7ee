//! The authorization endpoint of the simulated providers (OpenID Connect Core §3.1.2).

use std::collections::HashMap;
use std::sync::PoisonError;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LOCATION, SET_COOKIE};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template as _;

use crate::code::SimulatedLogIn;
use crate::page::Page;
use crate::person;
use crate::preselected::{FORGET, preselected};
use crate::refused::Refused;
use crate::simulated::{CLIENT_ID, Simulated};
use crate::which::Which;
use ::web::gate::Gate;
use base::error::Error;
use base::token::new_secret;

/// The parameters that are read. The form repeats them.
const PARAMETERS: [&str; 9] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "vtr",
    "code_challenge",
    "code_challenge_method",
];

type Fields = HashMap<String, String>;

pub(super) fn fields(text: &[u8]) -> Fields {
    form_urlencoded::parse(text).into_owned().collect()
}

pub(super) fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).map_or("", String::as_str)
}

/// Checks a request. Until the client and the redirect URI are verified, an error is not sent to the redirect
/// URI. `Some` is the error code for the redirect.
fn check(simulated: &Simulated, fields: &Fields) -> Result<Option<&'static str>, Refused> {
    if field(fields, "client_id") != CLIENT_ID {
        return Err(Refused::new("unauthorized_client", "unknown client_id"));
    }
    let ours = format!("{}/", simulated.public_url);
    if !field(fields, "redirect_uri").starts_with(&ours) {
        return Err(Refused::new("invalid_request", "the redirect URI is not one of this server's"));
    }
    let is_openid = field(fields, "scope").split(' ').any(|scope| scope == "openid");
    let has_plain =
        !field(fields, "code_challenge").is_empty() && field(fields, "code_challenge_method") != "S256";
    let is_asking_badly = field(fields, "state").is_empty() || field(fields, "nonce").is_empty() || has_plain;
    Ok(if field(fields, "response_type") != "code" {
        Some("unsupported_response_type")
    } else if !is_openid {
        Some("invalid_scope")
    } else {
        is_asking_badly.then_some("invalid_request")
    })
}

/// Redirects the browser to the client.
fn send_back(simulated: &Simulated, which: Which, fields: &Fields, name: &str, value: &str) -> HttpResponse {
    let redirect_uri = field(fields, "redirect_uri");
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    query.append_pair("state", field(fields, "state"));
    if which == Which::Cis2 {
        query.append_pair("iss", &simulated.issuer(which));
    }
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("{redirect_uri}{joint}{}", query.finish())))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

async fn visitors(gate: &Gate, which: Which) -> Result<Vec<person::Visitor>, Refused> {
    let read = gate.store.read(move |tx| person::list(tx, which)).await;
    read.map_err(|error: Error| {
        tracing::error!(cause = %error.cause(), "listing the people for the simulated providers failed");
        Refused::FAULT
    })
}

/// `GET`: the log-in page.
pub(super) async fn ask(
    gate: Data<Gate>,
    simulated: Data<Simulated>,
    which: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let which = Which::parse(&which)?;
    let fields = fields(request.query_string().as_bytes());
    if let Some(error) = check(&simulated, &fields)? {
        return Ok(send_back(&simulated, which, &fields, "error", error));
    }
    let people = visitors(&gate, which).await?;
    let note = |visitor: &person::Visitor| match which {
        Which::NhsLogin => visitor.id.clone(),
        Which::Cis2 => visitor.practice.clone().unwrap_or_default(),
    };
    let provider = match which {
        Which::NhsLogin => "NHS login",
        Which::Cis2 => "CIS2",
    };
    let page = Page {
        provider,
        action: &simulated.url(which, "authorize"),
        hidden: PARAMETERS.iter().map(|name| (*name, field(&fields, name))).collect(),
        people: people.iter().map(|one| (one.id.clone(), one.name.clone(), note(one))).collect(),
        chosen: preselected(&request),
        levels: person::levels(which),
    };
    let html = page.render().or(Err(Refused::FAULT))?;
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("Content-Security-Policy", policy))
        .body(html))
}

/// `POST`: the user has chosen a person and a level.
pub(super) async fn answer(
    gate: Data<Gate>,
    simulated: Data<Simulated>,
    which: Path<String>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Refused> {
    let which = Which::parse(&which)?;
    let fields = fields(&body);
    if let Some(error) = check(&simulated, &fields)? {
        return Ok(send_back(&simulated, which, &fields, "error", error));
    }
    let level = field(&fields, "level");
    if !person::levels(which).contains(&level) {
        return Err(Refused::new("invalid_request", "unknown level"));
    }
    let people = visitors(&gate, which).await?;
    let visitor = people.into_iter().find(|visitor| visitor.id == field(&fields, "person"));
    let mut visitor = visitor.ok_or(Refused::new("invalid_request", "unknown person"))?;
    level.clone_into(&mut visitor.level);
    let log_in = SimulatedLogIn {
        which,
        visitor,
        redirect_uri: field(&fields, "redirect_uri").to_owned(),
        scope: field(&fields, "scope").to_owned(),
        nonce: field(&fields, "nonce").to_owned(),
        challenge: fields.get("code_challenge").filter(|text| !text.is_empty()).cloned(),
    };
    let code = new_secret().or(Err(Refused::FAULT))?;
    let now = gate.clock.now();
    let mut codes = simulated.codes.lock().unwrap_or_else(PoisonError::into_inner);
    codes.keep_code(code.clone(), log_in, now);
    drop(codes);
    let mut response = send_back(&simulated, which, &fields, "code", &code);
    if preselected(&request).is_some() {
        response.headers_mut().insert(SET_COOKIE, HeaderValue::from_static(FORGET));
    }
    Ok(response)
}
