//! Secrets of a log-in in the browser and in the database.

use chrono::TimeDelta;
use rstest::rstest;

use super::authorize::{REDIRECT, form_token, registration};
use super::journey::{JourneyBrowser, asked, form, journey};
use super::oauth::kit::{VERIFIER, post};
use crate::support::{Backend, Options, Request, TestApp, sql};
use domain::account::AccessMode;

const ME: &str = "9000000017";
const SCOPE: &str = "openid offline_access user/Consent.rs";

async fn start(backend: Backend) -> TestApp {
    let registrations = vec![registration("portal", AccessMode::Citizen)];
    TestApp::start(backend, Options { registrations, is_simulating: true, ..Options::default() }).await
}

#[rstest]
#[actix_web::test]
async fn session_cookie_changes_at_log_in(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let mut browser = JourneyBrowser { app: &app, cookie: None };
    let path = format!("/oauth/authorize?{}", asked(&app, &[("scope", SCOPE)]));
    let begun = browser.send(Request::new("GET", &path)).await;
    let (_, at) = browser.follow(begun).await;
    let before = browser.cookie.clone().expect("a cookie");
    let (path, query) = at.split_once('?').expect("the simulated provider");
    let chosen = Request::new("POST", path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("{query}&person={ME}&level=P9"));
    let back = browser.send(chosen).await;
    let (page, at) = browser.follow(back).await;
    assert_eq!((page.status, at.as_str()), (200, "/oauth/approve"));
    assert_ne!(browser.cookie.as_deref(), Some(before.as_str()));
    // An attacker who planted the old cookie gets nothing with it.
    let token = form_token(&page);
    let mut planted = JourneyBrowser { app: &app, cookie: Some(before) };
    assert_eq!(planted.send(Request::new("GET", "/oauth/approve")).await.status, 400);
    let fields = [("token", token.as_str()), ("answer", "allow")];
    assert_eq!(planted.send(form("/oauth/approve", &fields)).await.status, 400);
    assert_eq!(app.count_rows("grants"), 0);
    assert_eq!(browser.send(form("/oauth/approve", &fields)).await.status, 303);
}

#[rstest]
#[actix_web::test]
async fn abandoned_log_ins_are_deleted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let begin = async || {
        let path = format!("/oauth/authorize?{}", asked(&app, &[("scope", SCOPE)]));
        assert_eq!(app.send(Request::new("GET", &path)).await.status, 303);
    };
    for count in 1..=3 {
        begin().await;
        assert_eq!(app.count_rows("log_ins"), count);
    }
    app.clock.advance(TimeDelta::minutes(15));
    begin().await;
    assert_eq!(app.count_rows("log_ins"), 1, "the old ones went when the next began");
}

/// Every row of every table, as text.
fn everything(url: &str) -> Vec<String> {
    let is_sqlite = url.starts_with("sqlite:");
    let mut rows = Vec::new();
    for table in sql::tables(url) {
        let columns = if is_sqlite {
            format!("SELECT name AS value FROM pragma_table_info('{table}')")
        } else {
            format!(
                "SELECT column_name AS value FROM information_schema.columns WHERE table_name = '{table}'"
            )
        };
        let columns = sql::values(url, &columns);
        let texts: Vec<String> =
            columns.iter().map(|column| format!("coalesce(CAST({column} AS TEXT), '')")).collect();
        rows.extend(sql::values(url, &format!("SELECT {} AS value FROM {table}", texts.join(" || ' ' || "))));
    }
    rows
}

#[rstest]
#[actix_web::test]
async fn no_table_holds_a_code_a_token_or_a_cookie(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    // One log-in in progress, one with a code, one with tokens.
    let mut browser = JourneyBrowser { app: &app, cookie: None };
    let path = format!("/oauth/authorize?{}", asked(&app, &[("scope", SCOPE)]));
    browser.send(Request::new("GET", &path)).await;
    let cookie = browser.cookie.clone().expect("a cookie");
    let unused = journey(&app, ME, &[("scope", SCOPE)], "GET").await["code"].clone();
    let code = journey(&app, ME, &[("scope", SCOPE)], "GET").await["code"].clone();
    let redeemed = [
        ("grant_type", "authorization_code"),
        ("client_id", "portal"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let content = app.send(post("/oauth/token", &redeemed)).await.json();
    let secret = |name: &str| content[name].as_str().expect("a token").to_owned();
    let (_, cookie) = cookie.split_once('=').expect("a value");
    let secrets = [
        unused,
        code,
        secret("access_token"),
        secret("refresh_token"),
        secret("id_token"),
        cookie.to_owned(),
    ];
    let rows = everything(&app.database_url());
    assert!(rows.len() > 100 && rows.iter().any(|row| row.contains(ME)), "the tables were read");
    for secret in &secrets {
        assert!(secret.len() >= 43);
        let held: Vec<&String> = rows.iter().filter(|row| row.contains(secret)).collect();
        assert!(held.is_empty(), "{held:?}");
    }
}

// SEC-24: the tokens of a log-in are for the APIs that `resource` names (RFC 8707); `aud` alone restricts nothing.
#[rstest]
#[actix_web::test]
async fn authorization_for_one_resource_issues_tokens_for_it_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let base = format!("http://{}", app.address);
    let (r4, vrs) = (format!("{base}/FHIR/R4"), format!("{base}/validated-relationships/FHIR/R4"));
    for (named, expected) in [(vec![], ""), (vec![&r4], &r4), (vec![&vrs], &vrs), (vec![&r4, &vrs], "")] {
        let mut changes = vec![("scope", SCOPE)];
        changes.extend(named.iter().map(|url| ("resource", url.as_str())));
        journey(&app, ME, &changes, "GET").await;
        let kept = "SELECT COALESCE(audience, '') AS value FROM grants ORDER BY id DESC LIMIT 1";
        assert_eq!(sql::values(&app.database_url(), kept), [expected], "{named:?}");
    }
}
