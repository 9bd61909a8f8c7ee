//! Linking of a second identity.

use base::clock::Clock as _;
use domain::account::AccessMode;
use domain::account::LogInStage;
use idp::{ProviderAuthentication, ProviderKind, ProviderSettings};
use rstest::rstest;
use serde_json::json;

use super::{Browser, goes_to, registration, sent, text};
use crate::support::provider::{Answered, ScriptedProvider, rsa_keys, sign};
use crate::support::{Backend, Options, TestApp, sql};
use crate::vrs::known::MOTHER;

const SCOPES: &str = "openid user/Consent.rs";
const CLIENT: &str = "our-client";

/// A server with one provider of citizens, which proves no NHS number.
async fn start(backend: Backend) -> (TestApp, ScriptedProvider) {
    let provider = ScriptedProvider::start();
    let settings = ProviderSettings {
        id: "other".to_owned(),
        name: "Another provider".to_owned(),
        kind: ProviderKind::Generic { mode: AccessMode::Citizen },
        issuer: provider.issuer.clone(),
        client_id: CLIENT.to_owned(),
        authentication: ProviderAuthentication::PrivateKeyJwt,
        scopes: vec!["openid".to_owned()],
        exchange_audiences: Vec::new(),
    };
    let registrations =
        vec![registration("portal", AccessMode::Citizen), registration("ward", AccessMode::Staff)];
    let options = Options { registrations, providers: vec![settings], ..Options::default() };
    (TestApp::start(backend, options).await, provider)
}

/// The link to the provider on the page.
async fn link_of(browser: &mut Browser<'_>) -> String {
    let page = browser.get("/oauth/link").await;
    let text = text(&page);
    assert_eq!(page.status, 200, "{text}");
    let (_, rest) = text.split_once("href=\"/oauth/link/other").expect("a link");
    format!("/oauth/link/other{}", rest.split('"').next().unwrap().replace("&amp;", "&"))
}

/// Goes to the provider, logs in there as this subject, and returns the callback path.
async fn log_in_there(browser: &mut Browser<'_>, provider: &ScriptedProvider, subject: &str) -> String {
    let link = link_of(browser).await;
    let away = browser.get(&link).await;
    assert!(goes_to(&away).1.starts_with(&format!("{}/authorize", provider.issuer)), "{away:?}");
    let now = browser.app.clock.now().timestamp();
    let claims = json!({
        "iss": provider.issuer, "sub": subject, "aud": CLIENT, "iat": now, "exp": now + 300,
        "nonce": sent(&away, "nonce").expect("a nonce"),
    });
    let tokens = json!({
        "access_token": "a", "token_type": "bearer", "id_token": sign(&rsa_keys()[0], &claims),
    });
    provider.script("/token", Answered::Json(200, tokens));
    provider.script("/userinfo", Answered::Json(200, json!({ "sub": subject })));
    format!("/oauth/callback/other?code=c&state={}", sent(&away, "state").expect("a state"))
}

fn identities(app: &TestApp) -> Vec<String> {
    let sql = "SELECT user_id || ' ' || subject AS value FROM identities ORDER BY linked_at, subject";
    sql::values(&app.database_url(), sql)
}

#[rstest]
#[actix_web::test]
async fn citizen_links_a_second_identity(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (app, provider) = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    assert!(text(&browser.get("/oauth/approve").await).contains("href=\"/oauth/link\""));
    assert!(text(&browser.get("/oauth/link").await).contains("You have one way to log in"));
    let user = browser.log_in().await.unwrap().person().unwrap().user;
    let back = log_in_there(&mut browser, &provider, "second").await;
    let before = browser.handle.clone();
    assert_eq!(goes_to(&browser.get(&back).await), (303, "/oauth/link"));
    assert_ne!(browser.handle, before, "the browser has another cookie");
    assert_eq!(identities(&app), [format!("{user} second"), format!("{user} someone")]);
    assert!(text(&browser.get("/oauth/link").await).contains("You have 2 ways to log in"));
    let sql = "SELECT outcome || ' ' || caller_id || ' ' || app || ' ' || patient AS value FROM audit_records \
               WHERE act = 'identity-linked'";
    assert_eq!(sql::values(&app.database_url(), sql), [format!("0 {MOTHER} portal {MOTHER}")]);
    // The same response again changes nothing, and the log-in stays where it was.
    assert_eq!(browser.get(&back).await.status, 400);
    let answer = browser.submit("/oauth/approve", &[("answer", "allow")]).await;
    assert!(sent(&answer, "code").is_some());
    assert_eq!(identities(&app).len(), 2);
}

#[rstest]
#[actix_web::test]
async fn identity_of_another_user_is_not_linked(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, provider) = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    let (user, issuer) = (uuid::Uuid::now_v7(), &provider.issuer);
    let taken = format!(
        "INSERT INTO users (id, created_at, updated_at) VALUES ('{user}', 0, 0); \
         INSERT INTO identities (issuer, subject, user_id, linked_at) VALUES ('{issuer}', 'taken', '{user}', 0);"
    );
    sql::execute(&app.database_url(), &taken);
    let before = (identities(&app), app.count_rows("audit_records"));
    let back = log_in_there(&mut browser, &provider, "taken").await;
    let answer = browser.get(&back).await;
    assert_eq!(answer.status, 403);
    assert!(text(&answer).contains("This way to log in cannot be added"));
    assert_eq!((identities(&app), app.count_rows("audit_records")), before);
    // Nothing is lost: the log-in continues.
    assert!(text(&browser.get("/oauth/link").await).contains("You have one way to log in"));
    assert_eq!(browser.get("/oauth/approve").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn linking_requires_the_csrf_token_and_the_same_browser(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, provider) = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    for forged in ["/oauth/link/other", "/oauth/link/other?token=", "/oauth/link/other?token=guess"] {
        assert_eq!(goes_to(&browser.get(forged).await), (403, ""), "{forged}");
    }
    assert_eq!(goes_to(&Browser::stranger(&app).get("/oauth/link").await), (400, ""));
    let back = log_in_there(&mut browser, &provider, "second").await;
    assert!(matches!(browser.log_in().await.unwrap().stage, LogInStage::Linking { .. }));
    // Another browser, an unknown state, another provider.
    assert_eq!(Browser::stranger(&app).get(&back).await.status, 400);
    for wrong in ["/oauth/callback/other?code=c&state=guess", &back.replace("/other?", "/nhs-login?")] {
        assert_eq!(browser.get(wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(identities(&app).len(), 1);
    // A browser that comes back without the response has not started linking: the response is late.
    assert_eq!(goes_to(&browser.get("/oauth/approve").await), (303, "/oauth/link"));
    assert_eq!(browser.get("/oauth/link").await.status, 200);
    assert_eq!(browser.get(&back).await.status, 400);
    assert_eq!(identities(&app).len(), 1);
}

#[rstest]
#[actix_web::test]
async fn linking_is_for_authenticated_citizens_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, _provider) = start(backend).await;
    let mut begun = Browser::at(&app, "portal", SCOPES, LogInStage::Begun).await;
    assert_eq!(goes_to(&begun.get("/oauth/link").await), (303, "/oauth/log-in"));
    assert!(begun.get("/oauth/link/other?token=x").await.status == 403);
    let (app, _provider) = start(backend).await;
    let person = super::known(&app, super::staff()).await;
    let acting = Some(domain::account::Acting::Oneself);
    let mut staff = Browser::at(&app, "ward", "openid", LogInStage::Known { person, acting }).await;
    assert_eq!(goes_to(&staff.get("/oauth/link").await), (303, "/oauth/approve"));
    assert!(!text(&staff.get("/oauth/approve").await).contains("/oauth/link"));
}
