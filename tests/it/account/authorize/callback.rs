//! Coming back from a provider.

use onbehalf::account::Stage;
use rstest::rstest;

use super::{Browser, away, form_token, goes_to, sent, start, text};
use crate::support::Backend;

const SCOPES: &str = "openid user/Consent.rs";
const GOOD: &str = "/oauth/callback/nhs-login?state=the-state-that-was-sent";

#[rstest]
#[actix_web::test]
async fn an_answer_that_does_not_belong_to_this_browser_is_refused(
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
    // The right answer in another browser: somebody is to be logged in as somebody else.
    let elsewhere = Browser::stranger(&app).get(&format!("{GOOD}&code=x")).await;
    assert_eq!(goes_to(&elsewhere), (400, ""));
    let mut guess = Browser { app: &app, handle: Some("guess".to_owned()) };
    assert_eq!(goes_to(&guess.get(&format!("{GOOD}&code=x")).await), (400, ""));
    assert_eq!(browser.log_in().await.map(|log_in| log_in.stage), Some(away("nhs-login")));
}

#[rstest]
#[actix_web::test]
async fn a_provider_that_says_no_or_nothing_leaves_a_way_back(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::at(&app, "portal", SCOPES, away("nhs-login")).await;
    for (error, status, told) in [
        ("access_denied", 403, "You have not logged in"),
        ("server_error", 400, "nhs-login is not available"),
        ("%3Cscript%3E", 400, "nhs-login is not available"),
    ] {
        let answer = browser.get(&format!("{GOOD}&error={error}&error_description=%3Cscript%3E")).await;
        let page = text(&answer);
        assert_eq!(answer.status, status, "{error}");
        assert!(page.contains(told) && page.contains("href=\"/oauth/log-in\""), "{error}");
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
async fn an_answer_that_comes_twice_is_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::at(&app, "portal", SCOPES, Stage::Begun).await;
    assert_eq!(goes_to(&browser.get(&format!("{GOOD}&code=x")).await), (400, ""));
    let mut known = Browser::citizen(&start(backend).await, "9000000017", SCOPES).await.handle;
    assert!(known.take().is_some());
}
