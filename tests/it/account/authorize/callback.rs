//! The callback from a provider.

use base::clock::Clock as _;
use domain::account::{AccessMode, LogInStage};
use idp::{ProviderAuthentication, ProviderKind, ProviderSettings, default_vtr};
use rstest::rstest;
use serde_json::json;

use super::{Browser, away, form_token, goes_to, registration, sent, start, text};
use crate::support::provider::{Answered, ScriptedProvider, rsa_keys, sign};
use crate::support::{Backend, Options, TestApp};

const SCOPES: &str = "openid user/Consent.rs";
const GOOD: &str = "/oauth/callback/nhs-login?state=the-state-that-was-sent";

#[rstest]
#[actix_web::test]
async fn callback_of_another_browser_is_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::at(&app, "portal", SCOPES, away("nhs-login")).await;
    for (path, why) in [
        ("/oauth/callback/nhs-login?code=x", "no state"),
        ("/oauth/callback/nhs-login?code=x&state=another", "another state"),
        (
            "/oauth/callback/nhs-login?code=x&state=the-state-that-was-sent&state=the-state-that-was-sent",
            "twice",
        ),
        ("/oauth/callback/cis2?code=x&state=the-state-that-was-sent", "another provider"),
        (GOOD, "no code"),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(goes_to(&answer), (400, ""), "{why}");
        assert!(text(&answer).contains("You are not logged in"), "{why}");
    }
    // The right response in another browser: an attempt to log a person in as another (login CSRF).
    let elsewhere = Browser::stranger(&app).get(&format!("{GOOD}&code=x")).await;
    assert_eq!(goes_to(&elsewhere), (400, ""));
    let mut guess = Browser { app: &app, handle: Some("guess".to_owned()) };
    assert_eq!(goes_to(&guess.get(&format!("{GOOD}&code=x")).await), (400, ""));
    assert_eq!(browser.log_in().await.map(|log_in| log_in.stage), Some(away("nhs-login")));
}

#[rstest]
#[actix_web::test]
async fn provider_error_or_missing_response_offers_a_way_back(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::at(&app, "portal", SCOPES, away("nhs-login")).await;
    for (error, status, found) in [
        ("access_denied", 403, "You have not logged in"),
        ("server_error", 400, "nhs-login is not available"),
        ("%3Cscript%3E", 400, "nhs-login is not available"),
    ] {
        let answer = browser.get(&format!("{GOOD}&error={error}&error_description=%3Cscript%3E")).await;
        let page = text(&answer);
        assert_eq!(answer.status, status, "{error}");
        assert!(page.contains(found) && page.contains("href=\"/oauth/log-in\""), "{error}");
        assert!(!page.contains("script"), "{error}");
    }
    let answer = browser.get(&format!("{GOOD}&code=x")).await;
    assert_eq!(answer.status, 400, "the code is worth nothing");
    let token = form_token(&answer);
    let back = browser.post("/oauth/leave", &[("token", token.as_str())]).await;
    assert_eq!(sent(&back, "error").as_deref(), Some("access_denied"));
}

#[rstest]
#[actix_web::test]
async fn repeated_callback_is_rejected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let mut browser = Browser::at(&app, "portal", SCOPES, LogInStage::Begun).await;
    assert_eq!(goes_to(&browser.get(&format!("{GOOD}&code=x")).await), (400, ""));
    let mut known = Browser::citizen(&start(backend).await, "9000000017", SCOPES).await.handle;
    assert!(known.take().is_some());
}

// covers USE-2
#[rstest]
#[actix_web::test]
async fn unavailable_provider_is_503_and_low_proofing_shows_what_to_do(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let provider = ScriptedProvider::start();
    let settings = ProviderSettings {
        id: "nhs-login".to_owned(),
        name: "NHS login".to_owned(),
        kind: ProviderKind::NhsLogin { vtr: default_vtr() },
        issuer: provider.issuer.clone(),
        client_id: "our-client".to_owned(),
        authentication: ProviderAuthentication::PrivateKeyJwt,
        scopes: vec!["openid".to_owned()],
        exchange_audiences: Vec::new(),
    };
    let registrations = vec![registration("portal", AccessMode::Citizen)];
    let options = Options { registrations, providers: vec![settings], ..Options::default() };
    let app = TestApp::start(backend, options).await;
    let mut browser = Browser::at(&app, "portal", SCOPES, LogInStage::Begun).await;
    for (vot, status, found) in [
        ("P5.Cp.Cd", 403, "You need to prove who you are first"),
        ("P0.Cp", 403, "NHS login has not confirmed your identity"),
        ("P9", 400, "NHS login is not available"),
        ("", 503, "NHS login is not available"),
    ] {
        let page = text(&browser.get("/oauth/log-in").await);
        let (_, link) = page.split_once("href=\"/oauth/log-in/nhs-login").expect("a link");
        let link = link.split('"').next().unwrap().replace("&amp;", "&");
        let leaving = browser.get(&format!("/oauth/log-in/nhs-login{link}")).await;
        let now = app.clock.now().timestamp();
        let claims = json!({
            "iss": provider.issuer, "sub": "s", "aud": "our-client", "iat": now, "exp": now + 300,
            "nonce": sent(&leaving, "nonce"), "vot": vot,
        });
        let tokens =
            json!({ "access_token": "a", "token_type": "bearer", "id_token": sign(&rsa_keys()[0], &claims) });
        provider.script("/token", Answered::Json(200, tokens));
        provider.script("/userinfo", Answered::Json(200, json!({ "sub": "s" })));
        if vot.is_empty() {
            provider.go_down();
        }
        let state = sent(&leaving, "state").expect("a state");
        let answer = browser.get(&format!("/oauth/callback/nhs-login?code=c&state={state}")).await;
        assert_eq!(answer.status, status, "{vot}");
        assert!(text(&answer).contains(found), "{vot}: {}", text(&answer));
        // NHS login's help is for a person below P9 only; the message on an unavailable provider is for
        // others.
        let page = text(&answer);
        let has_help = page.contains("<a href=\"https://help.login.nhs.uk/");
        assert_eq!((has_help, page.contains("not available")), (status == 403, status != 403), "{vot}");
    }
}
