//! Refusals of `/oauth/authorize`: on a page as long as the redirect URI is not known to be the app's, and by
//! a redirect afterwards.

use rstest::rstest;

use super::{CHALLENGE, REDIRECT, STATE, goes_to, query, sent, start, text};
use crate::account::oauth::kit::many_scopes;
use crate::support::{Backend, Request, Response, TestApp};

/// A parameter with another value, or without.
type Change<'p> = (&'p str, Option<&'p str>);

/// A complete request with changes: `None` removes a parameter.
fn changed<'p>(audience: &'p str, changes: &[Change<'p>]) -> String {
    let whole = [
        ("response_type", "code"),
        ("client_id", "portal"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid launch/patient patient/Consent.rs"),
        ("state", STATE),
        ("aud", audience),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let mut fields: Vec<(&str, &str)> =
        whole.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name)).collect();
    fields.extend(changes.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
    query(&fields)
}

async fn authorize(app: &TestApp, changes: &[Change<'_>]) -> Response {
    let audience = format!("http://{}/FHIR/R4", app.address);
    let path = format!("/oauth/authorize?{}", changed(&audience, changes));
    app.send(Request::new("GET", &path)).await
}

// covers LA-01
#[rstest]
#[actix_web::test]
async fn authorize_does_not_redirect_to_an_unregistered_uri(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    for wrong in [
        None,
        Some(""),
        Some("http://127.0.0.1:9000/callback/"),
        Some("http://127.0.0.1:9000/Callback"),
        Some("http://127.0.0.1:9000/callback?x=1"),
        Some("http://127.0.0.1:9000/callback#x"),
        Some("http://127.0.0.1:9000/callback/../evil"),
        Some("http://127.0.0.1:9001/callback"),
        Some("https://127.0.0.1:9000/callback"),
        Some("http://localhost:9000/callback"),
        Some("http://127.0.0.1:9000@evil.example/callback"),
        Some("http://127.0.0.1:9000.evil.example/callback"),
        Some("https://evil.example"),
        Some("//evil.example"),
        Some("javascript:alert(1)"),
    ] {
        let answer = authorize(&app, &[("redirect_uri", wrong)]).await;
        assert_eq!(goes_to(&answer), (400, ""), "{wrong:?}");
        let page = text(&answer);
        assert!(page.contains("<h1 class=\"nhsuk-heading-l\">This link does not work</h1>"), "{wrong:?}");
        assert!(!page.contains("evil") && !page.contains("alert"), "{wrong:?}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    for client in [None, Some("nobody"), Some("PORTAL"), Some("portal ")] {
        assert_eq!(goes_to(&authorize(&app, &[("client_id", client)]).await), (400, ""), "{client:?}");
    }
    for (name, value) in [("client_id", "portal"), ("redirect_uri", REDIRECT)] {
        let answer = authorize(&app, &[(name, Some(value)), (name, Some("https://evil.example"))]).await;
        assert_eq!(goes_to(&answer), (400, ""), "{name} twice");
    }
    let unpushed = authorize(&app, &[("request_uri", Some("urn:ietf:params:oauth:request_uri:none"))]).await;
    assert_eq!(goes_to(&unpushed), (400, ""));
    assert_eq!(app.count_rows("grants"), 0);
}

// covers LA-01, LA-03, SC-01
#[rstest]
#[actix_web::test]
async fn authorize_errors_are_redirected_to_the_app(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let many = many_scopes("user", 51);
    let cases: &[(&[Change<'_>], &str)] = &[
        (&[("scope", Some(&many))], "invalid_scope"),
        (&[("response_type", None)], "invalid_request"),
        (&[("response_type", Some("token"))], "unsupported_response_type"),
        (&[("response_type", Some("code id_token"))], "unsupported_response_type"),
        (&[("response_mode", Some("fragment"))], "invalid_request"),
        (&[("aud", None)], "invalid_request"),
        (&[("aud", Some("https://other.example/FHIR/R4"))], "invalid_target"),
        (&[("resource", Some("https://other.example/FHIR/R4"))], "invalid_target"),
        (&[("code_challenge", None)], "invalid_request"),
        (&[("code_challenge", Some("short"))], "invalid_request"),
        (&[("code_challenge_method", None)], "invalid_request"),
        (&[("code_challenge_method", Some("plain"))], "invalid_request"),
        (&[("scope", Some("patient/Consent.sr"))], "invalid_scope"),
        (&[("scope", Some("patient/Consent.rs?_filter=x"))], "invalid_scope"),
        (&[("scope", None)], "invalid_scope"),
        (&[("scope", Some("__unknown"))], "invalid_scope"),
        (
            &[("scope", Some("launch/patient patient/Observation.rs")), ("client_id", Some("ward"))],
            "invalid_scope",
        ),
        (&[("scope", Some("system/Consent.rs"))], "invalid_scope"),
        (&[("scope", Some("patient/Consent.rs"))], "invalid_scope"),
        (&[("launch", Some("xyz"))], "invalid_request"),
        (&[("prompt", Some("none"))], "login_required"),
        (&[("prompt", Some("none login"))], "invalid_request"),
        (&[("prompt", Some("whatever"))], "invalid_request"),
        (&[("request", Some("e30.e30."))], "request_not_supported"),
        (&[("dpop_jkt", Some("short"))], "invalid_request"),
        (&[("client_id", Some("no-codes"))], "unauthorized_client"),
        (&[("client_id", Some("robot"))], "unauthorized_client"),
        (&[("client_id", Some("narrow")), ("scope", Some("launch/patient"))], "invalid_scope"),
        (&[("nonce", Some("1")), ("nonce", Some("2"))], "invalid_request"),
        // This server has no provider: a valid request gets as far as this page.
        (&[], "temporarily_unavailable"),
        (&[("prompt", Some("login consent"))], "temporarily_unavailable"),
        (&[("scope", Some("openid __unknown patient/Observation.rs"))], "temporarily_unavailable"),
    ];
    for (changes, error) in cases {
        let answer = authorize(&app, changes).await;
        let (status, url) = goes_to(&answer);
        assert!(
            status == 303 && url.starts_with(&format!("{REDIRECT}?error=")),
            "{changes:?} {status} {url}"
        );
        assert_eq!(sent(&answer, "error").as_deref(), Some(*error), "{changes:?}");
        assert_eq!(sent(&answer, "state").as_deref(), Some(STATE), "{changes:?}");
        assert_eq!(sent(&answer, "iss"), Some(format!("http://{}", app.address)), "{changes:?}");
        assert!(sent(&answer, "error_description").is_some_and(|found| !found.is_empty()), "{changes:?}");
        assert_eq!((sent(&answer, "code"), answer.header("set-cookie")), (None, None), "{changes:?}");
    }
    assert_eq!(app.count_rows("log_ins"), 0);
}

// covers LA-01
#[rstest]
#[actix_web::test]
async fn authorize_rejects_a_short_state(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    for (state, repeated) in [(None, None), (Some("1234567"), Some("1234567".to_owned()))] {
        let answer = authorize(&app, &[("state", state)]).await;
        assert_eq!(sent(&answer, "error").as_deref(), Some("invalid_request"));
        assert_eq!(sent(&answer, "state"), repeated);
    }
    let back = "com.example.portal:/back?from=us";
    let answer = authorize(&app, &[("redirect_uri", Some(back)), ("prompt", Some("none"))]).await;
    assert!(goes_to(&answer).1.starts_with(&format!("{back}&error=login_required&")));
}

// covers LA-01
#[rstest]
#[actix_web::test]
async fn authorize_accepts_a_form_post(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let audience = format!("http://{}/FHIR/R4", app.address);
    let form = Request::new("POST", "/oauth/authorize").body(changed(&audience, &[("prompt", Some("none"))]));
    let answer = app.send(form.clone().header("Content-Type", "application/x-www-form-urlencoded")).await;
    assert_eq!(sent(&answer, "error").as_deref(), Some("login_required"));
    assert_eq!(app.send(form.clone()).await.status, 415);
    assert_eq!(app.send(form.header("Content-Type", "application/json")).await.status, 415);
    assert_eq!(app.send(Request::new("DELETE", "/oauth/authorize")).await.status, 405);
}
