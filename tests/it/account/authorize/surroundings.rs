//! Headers and assets of every page.

use domain::account::LogInStage;
use domain::account::scope::SERVED;
use rstest::rstest;

use super::{Browser, goes_to, start, text};
use crate::support::{Backend, Request, TestApp};
use crate::vrs::known::MOTHER;

const SCOPES: &str = "openid launch/patient patient/Consent.rs";

#[rstest]
#[actix_web::test]
async fn pages_have_csp_frame_and_no_store_headers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    let mut stranger = Browser::stranger(&app);
    let pages = [
        (browser.get("/oauth/patient").await, " http://127.0.0.1:9000"),
        (browser.get("/oauth/log-in").await, " http://127.0.0.1:9000"),
        (stranger.get("/oauth/approve").await, ""),
        (stranger.get("/oauth/authorize").await, ""),
    ];
    for (page, source) in pages {
        let policy = format!(
            "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'{source}; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        for (name, value) in [
            ("content-security-policy", policy.as_str()),
            ("content-type", "text/html; charset=utf-8"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.header(name), Some(value));
        }
        let html = text(&page);
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en-GB\">"));
        for (there, count) in [("<title>", 1), ("<h1", 1), ("<main", 1), ("href=\"#maincontent\"", 1)] {
            assert_eq!(html.matches(there).count(), count, "{there}");
        }
        for never in ["<script", "style=\"", "javascript:", "http://", "https://", "onclick"] {
            assert!(!html.contains(never), "{never}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn pages_escape_text_from_outside(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    for path in ["/oauth/patient", "/oauth/log-in"] {
        let html = text(&browser.get(path).await);
        assert!(html.contains("The &#60;b&#62;portal&#60;/b&#62; app"), "{html}");
        assert!(!html.contains("<b>"));
    }
}

#[rstest]
#[actix_web::test]
async fn style_sheet_is_immutable_under_its_digest(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let html = text(&Browser::stranger(&app).get("/oauth/log-in").await);
    let (_, rest) = html.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let url = rest.split('"').next().unwrap();
    let style = app.send(Request::new("GET", url)).await;
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let css = text(&style);
    assert!(css.contains(".nhsuk-button") && !css.contains("@font-face") && !css.contains("https://"));
    assert_eq!(app.send(Request::new("GET", "/assets/other.css")).await.status, 404);
}

// covers GAP-15
#[rstest]
#[actix_web::test]
async fn every_image_of_the_style_sheet_is_served_and_no_link_is_printed_with_its_target(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let page = Browser::stranger(&app).get("/oauth/log-in").await;
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("img-src 'self'")));
    let html = text(&page);
    let (_, rest) = html.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let css = text(&app.send(Request::new("GET", rest.split('"').next().unwrap())).await);
    let mut images: Vec<&str> = css
        .split("url(")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|url| !url.starts_with("data:"))
        .collect();
    images.sort_unstable();
    images.dedup();
    assert!(images.len() >= 4, "{images:?}");
    for image in images {
        let answer = app.send(Request::new("GET", image.trim_matches('"'))).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/svg+xml")), "{image}");
        assert!(text(&answer).starts_with("<svg"), "{image}");
    }
    assert_eq!(app.send(Request::new("GET", "/assets/images/other.svg")).await.status, 404);
    let own = css.rsplit_once("@media print").unwrap().1;
    assert!(own.contains("a:after") && own.contains("content:none!important"), "{own}");
}

#[rstest]
#[actix_web::test]
async fn session_cookie_is_http_only_and_same_site_lax(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::at(&app, "portal", SCOPES, LogInStage::Begun).await;
    let token = super::form_token(&browser.get("/oauth/log-in").await);
    let left = browser.post("/oauth/leave", &[("token", token.as_str())]).await;
    assert_eq!(left.header("set-cookie"), Some("onbehalf-login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));
    // The redirect to a provider changes the log-in, so it needs the page's token as well.
    let mut browser = Browser::at(&app, "portal", SCOPES, LogInStage::Begun).await;
    assert_eq!(goes_to(&browser.get("/oauth/log-in/nhs-login").await), (403, ""));
    let token = super::form_token(&browser.get("/oauth/log-in").await);
    let unknown = browser.get(&format!("/oauth/log-in/nobody?token={token}")).await;
    assert_eq!(unknown.status, 404);
}

#[rstest]
#[actix_web::test]
async fn without_an_authorization_server_there_are_no_pages(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    assert_eq!(app.send(Request::new("GET", "/oauth/authorize?client_id=x")).await.status, 404);
}

#[rstest]
#[actix_web::test]
async fn the_types_of_scopes_are_those_of_the_capability_statement(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let statement = app.send(Request::new("GET", "/FHIR/R4/metadata")).await.json();
    let resources = statement["rest"][0]["resource"].as_array().expect("resources");
    let mut claimed: Vec<&str> = resources.iter().filter_map(|resource| resource["type"].as_str()).collect();
    let mut served = SERVED;
    claimed.sort_unstable();
    served.sort_unstable();
    assert_eq!(claimed, served);
}
