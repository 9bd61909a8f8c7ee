//! The simulated providers: the whole log-in over HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use domain::account::identity::{AuthorizationResponse, Departure, Proven, ProvenKind};
use idp::{ProviderKind, ProviderSettings, Providers, UpstreamError};
use rstest::rstest;
use simulated_idp::{CLIENT_ID, Which, issuer};

use super::{nhs_login, providers};
use crate::support::{Backend, Options, Request, Response, TestApp};

async fn simulating(backend: Backend) -> TestApp {
    TestApp::start(backend, Options { is_simulating: true, ..Options::default() }).await
}

fn callback(app: &TestApp) -> String {
    format!("http://{}/callback", app.address)
}

fn settings(app: &TestApp, which: Which) -> ProviderSettings {
    let scopes: &[&str] = match which {
        Which::NhsLogin => &["openid", "profile", "delegation"],
        Which::Cis2 => &["openid", "nationalrbacaccess", "selectedrole"],
    };
    let base = nhs_login(&issuer(&format!("http://{}", app.address), which));
    let kind = match which {
        Which::NhsLogin => base.kind,
        Which::Cis2 => ProviderKind::Cis2 { minimum_aal: 3 },
    };
    ProviderSettings {
        kind,
        client_id: CLIENT_ID.to_owned(),
        scopes: scopes.iter().map(ToString::to_string).collect(),
        ..base
    }
}

fn providers_of(app: &TestApp, settings: ProviderSettings) -> Providers {
    providers(settings, &Arc::clone(&app.clock))
}

fn path_of<'u>(app: &TestApp, url: &'u str) -> &'u str {
    url.strip_prefix(&format!("http://{}", app.address)).expect("a URL of the server")
}

/// Chooses a person on the page, as the form would.
async fn choose(app: &TestApp, departure: &Departure, person: &str, level: &str) -> Response {
    let path = path_of(app, &departure.url);
    let page = app.send(Request::new("GET", path)).await;
    assert_eq!(page.status, 200);
    let (path, query) = path.split_once('?').unwrap();
    let body = format!("{query}&person={person}&level={level}");
    let form = Request::new("POST", path).header("Content-Type", "application/x-www-form-urlencoded");
    app.send(form.body(body)).await
}

/// The query of a redirect back.
fn query(answer: &Response) -> HashMap<String, String> {
    assert_eq!(answer.status, 303, "{}", String::from_utf8_lossy(&answer.body));
    let (_, query) = answer.header("location").unwrap().split_once('?').unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

async fn log_in(
    app: &TestApp,
    settings: ProviderSettings,
    person: &str,
    level: &str,
) -> Result<Proven, UpstreamError> {
    let providers = providers_of(app, settings);
    let departure = providers.begin("p", &callback(app)).await?;
    let back = query(&choose(app, &departure, person, level).await);
    assert_eq!(back["state"], departure.state);
    let answer = AuthorizationResponse { code: back["code"].clone(), iss: back.get("iss").cloned() };
    providers.complete("p", &departure, &callback(app), &answer).await
}

#[rstest]
#[actix_rt::test]
async fn simulated_nhs_login_logs_in_a_citizen(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = simulating(backend).await;
    let proven = log_in(&app, settings(&app, Which::NhsLogin), "9000000017", "P9").await.unwrap();
    let again = log_in(&app, settings(&app, Which::NhsLogin), "9000000017", "P9").await.unwrap();
    assert_eq!(proven, again, "the subject is always the same");
    assert!(!proven.subject.contains("9000000017"));
    let ProvenKind::Citizen { nhs_number, vot } = proven.kind else { panic!("a citizen") };
    assert_eq!((nhs_number.unwrap().as_str(), vot.to_string().as_str()), ("9000000017", "P9.Cp.Cd"));
    for low in ["P5", "P0"] {
        let refused = log_in(&app, settings(&app, Which::NhsLogin), "9000000017", low).await;
        assert!(matches!(refused, Err(UpstreamError::NotProved(_))), "{low}: {refused:?}");
    }
}

#[actix_rt::test]
async fn simulated_cis2_logs_in_staff() {
    let app = simulating(Backend::Sqlite).await;
    let proven = log_in(&app, settings(&app, Which::Cis2), "910000000101", "AAL3").await.unwrap();
    let ProvenKind::Staff { uid, .. } = proven.kind else { panic!("staff") };
    assert_eq!(uid, "910000000101");
    let refused = log_in(&app, settings(&app, Which::Cis2), "910000000101", "AAL2").await;
    assert!(matches!(refused, Err(UpstreamError::NotProved(_))), "{refused:?}");
    let mut without_role = settings(&app, Which::Cis2);
    without_role.scopes = vec!["openid".to_owned()];
    let refused = log_in(&app, without_role, "910000000101", "AAL3").await;
    assert_eq!(refused, Err(UpstreamError::NotProved("no role is selected")));
}

#[actix_rt::test]
async fn simulated_code_is_single_use_for_ten_minutes_with_its_verifier() {
    let app = simulating(Backend::Sqlite).await;
    let providers = providers_of(&app, settings(&app, Which::NhsLogin));
    let callback = callback(&app);
    let refused = Err(UpstreamError::Refused("the provider rejected the code"));
    let new = async || {
        let departure = providers.begin("p", &callback).await.unwrap();
        let back = query(&choose(&app, &departure, "9000000017", "P9").await);
        (departure, AuthorizationResponse { code: back["code"].clone(), iss: None })
    };
    let (departure, answer) = new().await;
    providers.complete("p", &departure, &callback, &answer).await.unwrap();
    assert_eq!(providers.complete("p", &departure, &callback, &answer).await, refused, "again");
    let (departure, answer) = new().await;
    app.clock.advance(TimeDelta::minutes(10));
    assert_eq!(providers.complete("p", &departure, &callback, &answer).await, refused, "late");
    let (departure, answer) = new().await;
    let stolen = Departure { verifier: "x".repeat(43), ..departure.clone() };
    assert_eq!(providers.complete("p", &stolen, &callback, &answer).await, refused, "stolen");
    let (departure, answer) = new().await;
    let elsewhere = format!("{callback}2");
    assert_eq!(providers.complete("p", &departure, &elsewhere, &answer).await, refused, "elsewhere");
    let (departure, answer) = new().await;
    let other = Departure { nonce: "another".to_owned(), ..departure };
    let refused = providers.complete("p", &other, &callback, &answer).await;
    assert_eq!(refused, Err(UpstreamError::Refused("the id token has another nonce")));
}

#[actix_rt::test]
async fn simulated_page_is_marked_and_redirects_only_to_registered_uris() {
    let app = simulating(Backend::Sqlite).await;
    let providers = providers_of(&app, settings(&app, Which::NhsLogin));
    let departure = providers.begin("p", &callback(&app)).await.unwrap();
    let path = path_of(&app, &departure.url).to_owned();
    let page = app.send(Request::new("GET", &path)).await;
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert!(html.contains("SIMULATED") && html.contains("9000000017") && html.contains("lang=\"en\""));
    assert!(page.header("content-security-policy").is_some());
    for (from, to) in [
        ("client_id=onbehalf-sandbox", "client_id=another"),
        ("redirect_uri=http", "redirect_uri=https"),
        (&*format!("{}%2Fcallback", app.address.port()), "1%2Fcallback"),
    ] {
        let changed = path.replace(from, to);
        assert_ne!(changed, path, "{from}");
        let refused = app.send(Request::new("GET", &changed)).await;
        assert_eq!((refused.status, refused.header("location")), (400, None), "{to}");
    }
    let without_nonce = path.replace("&nonce=", "&other=");
    let back = app.send(Request::new("GET", &without_nonce)).await;
    assert_eq!(query(&back)["error"], "invalid_request");
    let unknown = choose(&app, &departure, "0000000000", "P9").await;
    assert_eq!(unknown.status, 400);
    let script = path.replace("state=", "state=%22%3E%3Cscript%3E");
    let page = app.send(Request::new("GET", &script)).await;
    assert!(!String::from_utf8_lossy(&page.body).contains("<script>"));
}

#[actix_rt::test]
async fn simulated_token_request_without_a_valid_assertion_is_400() {
    let app = simulating(Backend::Sqlite).await;
    for (body, error) in [
        ("", "unsupported_grant_type"),
        ("grant_type=authorization_code&code=x", "invalid_client"),
        ("grant_type=authorization_code&code=x&client_secret=y&client_id=onbehalf-sandbox", "invalid_client"),
    ] {
        let answer = app.send(Request::new("POST", "/simulated/nhs-login/token").body(body)).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{body}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let answer = app.send(Request::new("GET", "/simulated/nhs-login/userinfo").bearer("x")).await;
    assert_eq!(answer.status, 401);
}

#[actix_rt::test]
async fn simulated_providers_are_off_by_default() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    for which in Which::ALL {
        let path = format!("/simulated/{}/.well-known/openid-configuration", which.as_str());
        assert_eq!(app.send(Request::new("GET", &path)).await.status, 404);
    }
}
