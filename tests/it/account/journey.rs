//! A person's way through the pages: from the app's request, over the simulated provider, to the response.

use std::collections::HashMap;

use super::authorize::{CHALLENGE, REDIRECT, STATE, form_token, query};
use crate::support::{Request, Response, TestApp};

pub fn form(path: &str, fields: &[(&str, &str)]) -> Request {
    let content_type = "application/x-www-form-urlencoded";
    Request::new("POST", path).header("Content-Type", content_type).body(query(fields))
}

/// A browser: one cookie, and redirects within the server are followed.
pub struct JourneyBrowser<'a> {
    pub app: &'a TestApp,
    pub cookie: Option<String>,
}

impl JourneyBrowser<'_> {
    pub async fn send(&mut self, request: Request) -> Response {
        let request = match &self.cookie {
            Some(cookie) => request.header("Cookie", cookie),
            None => request,
        };
        let answer = self.app.send(request).await;
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        answer
    }

    /// Follows redirects; returns the last response, and the path that it came from.
    pub async fn follow(&mut self, mut answer: Response) -> (Response, String) {
        let base = format!("http://{}", self.app.address);
        let mut at = String::new();
        while answer.status == 303 || answer.status == 302 {
            let location = answer.header("location").expect("a place").to_owned();
            let path = location.strip_prefix(&base).unwrap_or(&location).to_owned();
            if !path.starts_with('/') {
                return (answer, location);
            }
            answer = self.send(Request::new("GET", &path)).await;
            at = path;
        }
        (answer, at)
    }
}

/// The parameters of the app's request in every journey; `changes` replace and add.
pub fn asked(app: &TestApp, changes: &[(&str, &str)]) -> String {
    let aud = format!("http://{}/FHIR/R4", app.address);
    let usual = [
        ("response_type", "code"),
        ("client_id", "portal"),
        ("redirect_uri", REDIRECT),
        ("state", STATE),
        ("nonce", "a-nonce-of-the-app"),
        ("aud", aud.as_str()),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    query(&kept.chain(changes).copied().collect::<Vec<_>>())
}

/// Logs in at the simulated NHS login, chooses the user where a patient is asked for, approves the app, and
/// returns the authorization response.
pub async fn journey(
    app: &TestApp,
    person: &str,
    changes: &[(&str, &str)],
    method: &str,
) -> HashMap<String, String> {
    journey_for(app, (person, "self"), changes, method).await
}

/// As [`journey`], and acts for oneself (`self`) or by a role, named by its id.
pub async fn journey_for(
    app: &TestApp,
    (person, patient): (&str, &str),
    changes: &[(&str, &str)],
    method: &str,
) -> HashMap<String, String> {
    let mut browser = JourneyBrowser { app, cookie: None };
    let asked = asked(app, changes);
    let begun = match method {
        "GET" => Request::new("GET", &format!("/oauth/authorize?{asked}")),
        _ => Request::new("POST", "/oauth/authorize")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(asked),
    };
    let begun = browser.send(begun).await;
    let (page, at) = browser.follow(begun).await;
    if !at.starts_with('/') {
        return answer_of(&at);
    }
    assert_eq!(page.status, 200, "{at}");
    let (path, query_at) = at.split_once('?').expect("the simulated NHS login");
    let chosen = format!("{query_at}&person={person}&level=P9");
    let chosen =
        Request::new("POST", path).header("Content-Type", "application/x-www-form-urlencoded").body(chosen);
    let back = browser.send(chosen).await;
    let (mut page, mut at) = browser.follow(back).await;
    if at == "/oauth/patient" {
        let fields = [("token", form_token(&page)), ("patient", patient.to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let chosen = browser.send(form("/oauth/patient", &fields)).await;
        (page, at) = browser.follow(chosen).await;
    }
    assert_eq!((page.status, at.as_str()), (200, "/oauth/approve"));
    let allowed =
        browser.send(form("/oauth/approve", &[("token", &form_token(&page)), ("answer", "allow")])).await;
    let (_, location) = browser.follow(allowed).await;
    answer_of(&location)
}

/// The parameters of an authorization response.
fn answer_of(location: &str) -> HashMap<String, String> {
    let (_, answer) = location.split_once('?').expect("an answer to the app");
    form_urlencoded::parse(answer.as_bytes()).into_owned().collect()
}
