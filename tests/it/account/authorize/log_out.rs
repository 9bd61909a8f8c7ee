//! Log-out (OpenID Connect RP-Initiated Logout 1.0; SEC-24).

use domain::account::Registration;
use rstest::rstest;
use serde_json::Value;

use super::{Browser, form_token, goes_to, text};
use crate::account::oauth::kit::{self, ME, SCOPES, read};
use crate::support::{Backend, Options, Request, Response, TestApp};
use crate::vrs::known::MOTHER;

const BACK: &str = "https://app.example/bye";

async fn start(backend: Backend) -> TestApp {
    let mut registrations = kit::apps();
    registrations[0] = Registration { logout_uris: vec![BACK.to_owned()], ..registrations[0].clone() };
    let policy = service::policy::AccessPolicy::Tokens(Vec::new());
    TestApp::start(backend, Options { policy, registrations, ..Options::default() }).await
}

fn field(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    Some(rest.split('"').next().unwrap_or_default().to_owned())
}

fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn open(app: &TestApp, pairs: &[(&str, &str)]) -> Response {
    app.send(Request::new("GET", &format!("/oauth/log-out?{}", query(pairs)))).await
}

/// Sends the form of a page as a browser does.
async fn answer(app: &TestApp, page: &Response, place: &str) -> Response {
    let page = text(page);
    let names = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "token"];
    let mut form: Vec<(&str, String)> = Vec::new();
    for name in names {
        form.extend(
            field(&page, name).map(|value| (name, value.replace("&amp;", "&").replace("&#38;", "&"))),
        );
    }
    form.push(("where", place.to_owned()));
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.send(kit::post("/oauth/log-out/confirm", &pairs)).await
}

async fn is_live(app: &TestApp, tokens: &Value) -> bool {
    read(app, &format!("/Patient/{ME}"), tokens["access_token"].as_str().unwrap()).await.status == 200
}

#[rstest]
#[actix_web::test]
async fn log_out_ends_one_grant_or_all_grants_of_an_app(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    // Two log-ins of the same user at the same app, and one at another.
    let grant = kit::grant(&app, "portal", SCOPES).await;
    let mut all = Vec::new();
    for client_id in ["portal", "portal", "portal"] {
        let own = domain::account::Grant { id: uuid::Uuid::now_v7(), ..grant.clone() };
        kit::keep(&app, own.clone()).await;
        all.push(app.send(kit::redeem(client_id, &kit::code(&app, &own).await)).await.json());
    }
    let elsewhere =
        domain::account::Grant { id: uuid::Uuid::now_v7(), app: "web".to_owned(), ..grant.clone() };
    kit::keep(&app, elsewhere.clone()).await;
    let hint = all[0]["id_token"].as_str().unwrap();
    let asked = [
        ("id_token_hint", hint),
        ("client_id", "portal"),
        ("post_logout_redirect_uri", BACK),
        ("state", "a b&c"),
    ];
    let page = open(&app, &asked).await;
    assert_eq!(page.status, 200);
    assert!(text(&page).contains("Where do you want to log out of portal?"), "{}", text(&page));
    assert!(
        page.header("content-security-policy").unwrap().contains("form-action 'self' https://app.example;")
    );
    assert!(is_live(&app, &all[0]).await, "to look changes nothing");
    let gone = answer(&app, &page, "here").await;
    assert_eq!(goes_to(&gone), (303, "https://app.example/bye?state=a+b%26c"));
    assert_eq!((is_live(&app, &all[0]).await, is_live(&app, &all[1]).await), (false, true));
    // Everywhere: the same id token still identifies the user.
    let page = open(&app, &[("id_token_hint", hint)]).await;
    let done = answer(&app, &page, "everywhere").await;
    assert_eq!(done.status, 200);
    assert!(text(&done).contains("You are logged out"), "{}", text(&done));
    assert_eq!((is_live(&app, &all[1]).await, is_live(&app, &all[2]).await), (false, false));
    let state = app.look(move |tx| tx.find_grant_state(elsewhere.id)).await.unwrap();
    assert!(state.revoked_at.is_none(), "another app's grant stays");
    assert_eq!(app.count_rows("audit_records WHERE act = 'grant-revoked'"), 4, "one for each grant");
}

#[rstest]
#[actix_web::test]
async fn log_out_redirects_only_to_a_registered_post_logout_uri(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let tokens = kit::tokens(&app, "portal", SCOPES).await;
    let (hint, access) = (tokens["id_token"].as_str().unwrap(), tokens["access_token"].as_str().unwrap());
    let spoiled = format!("{hint}x");
    for wrong in [
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", "https://evil.example/")],
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", "https://app.example/bye/")],
        vec![("post_logout_redirect_uri", BACK)],
        vec![("client_id", "web"), ("post_logout_redirect_uri", BACK)],
        vec![("client_id", "stranger")],
        vec![("id_token_hint", hint), ("client_id", "web")],
        vec![("id_token_hint", access)],
        vec![("id_token_hint", "a.b.c")],
        vec![("id_token_hint", &spoiled)],
        vec![("client_id", "portal"), ("client_id", "portal")],
    ] {
        for method in ["GET", "POST", "confirm"] {
            let answer = match method {
                "GET" => open(&app, &wrong).await,
                "POST" => app.send(kit::post("/oauth/log-out", &wrong)).await,
                _ => app.send(kit::post("/oauth/log-out/confirm", &wrong)).await,
            };
            assert_eq!(answer.status, 400, "{method} {wrong:?}");
            assert!(answer.header("location").is_none());
        }
    }
    // A hint that is older than any grant.
    app.clock.advance(chrono::TimeDelta::days(31));
    assert_eq!(open(&app, &[("id_token_hint", hint)]).await.status, 400);
}

#[rstest]
#[actix_web::test]
async fn browser_session_ends_only_by_its_own_form(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = super::start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, "openid user/Consent.rs").await;
    assert!(text(&browser.get("/oauth/approve").await).contains("<a href=\"/oauth/log-out\">Log out</a>"));
    let page = browser.get("/oauth/log-out").await;
    assert!(!text(&page).contains("Where do you want"), "no app has said whose it is");
    let forged = browser.post("/oauth/log-out/confirm", &[("token", "forged")]).await;
    assert_eq!(forged.status, 403);
    assert!(browser.log_in().await.is_some());
    let token = form_token(&page);
    assert_eq!(browser.post("/oauth/log-out/confirm", &[("token", token.as_str())]).await.status, 200);
    assert!(browser.handle.is_none(), "the cookie is gone");
    assert_eq!(app.count_rows("log_ins"), 0);
}

#[rstest]
#[actix_web::test]
async fn end_session_endpoint_is_in_the_metadata(#[values(Backend::Sqlite)] backend: Backend) {
    let app = start(backend).await;
    let body = app.send(Request::new("GET", "/.well-known/openid-configuration")).await.json();
    assert_eq!(body["end_session_endpoint"], format!("http://{}/oauth/log-out", app.address));
}
