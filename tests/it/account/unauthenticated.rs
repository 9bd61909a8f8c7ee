//! Unauthenticated requests write nothing (SEC-10, SEC-16): no audit record, no row in any table.

use std::collections::BTreeMap;

use jsonwebtoken::Header;
use jsonwebtoken::jwk::CommonParameters;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::oauth::kit::{
    CHALLENGE, CHILD, ES256, JWT_BEARER, REDIRECT, SCOPES, SECRET, TOKEN, VERIFIER, basic, code, grant, post,
    redeem, refused, sign, start,
};
use crate::support::{Backend, Request, TestApp, sql};

/// The row counts of every table.
fn rows(server: &TestApp) -> BTreeMap<String, i64> {
    let url = server.database_url();
    let tables = sql::tables(&url);
    assert!(tables.len() > 20 && tables.contains(&"audit_records".to_owned()), "{tables:?}");
    tables.into_iter().map(|table| (table.clone(), server.count_rows(&table))).collect()
}

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// The values sent for each grant type: none of them is ours.
fn junk() -> Vec<Vec<(&'static str, &'static str)>> {
    vec![
        vec![("grant_type", "authorization_code"), ("code", "junk")],
        vec![
            ("grant_type", "authorization_code"),
            ("code", "junk"),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ],
        vec![("grant_type", "authorization_code")],
        vec![("grant_type", "refresh_token"), ("refresh_token", "junk")],
        vec![("grant_type", "refresh_token")],
        vec![("grant_type", "client_credentials")],
        vec![("grant_type", "client_credentials"), ("scope", "system/*.rs")],
        vec![
            ("grant_type", EXCHANGE),
            ("subject_token", "a.b.c"),
            ("subject_token_type", ACCESS),
            ("patient", CHILD),
        ],
        vec![
            ("grant_type", EXCHANGE),
            ("subject_token", "a.b.c"),
            ("subject_token_type", ID_TOKEN),
            ("patient", CHILD),
        ],
        vec![("grant_type", EXCHANGE), ("subject_token", "x"), ("subject_token_type", "x")],
        vec![("grant_type", EXCHANGE)],
        vec![("grant_type", "password"), ("username", "x"), ("password", "x")],
        vec![("token", "junk")],
        vec![("token", "a.b.c")],
        vec![],
        vec![("response_type", "code"), ("redirect_uri", REDIRECT)],
        vec![
            ("response_type", "code"),
            ("redirect_uri", "https://evil.example/"),
            ("code_challenge", CHALLENGE),
        ],
        vec![("request_uri", "urn:ietf:params:oauth:request_uri:junk")],
    ]
}

/// Makes a request to an endpoint with a form.
type Ask = Box<dyn Fn(&str, &[(&str, &str)]) -> Request>;

/// Every unauthenticated client: none, an unknown one, a public one by its name alone, a confidential one
/// without its proof, with a wrong one, or with two.
fn nobodies() -> Vec<(&'static str, Ask)> {
    fn with(path: &str, form: &[(&str, &str)], more: &[(&str, &str)]) -> Request {
        post(path, &[form, more].concat())
    }
    let assertion = [("client_assertion_type", JWT_BEARER), ("client_assertion", "a.b.c")];
    vec![
        ("no client", Box::new(post)),
        ("unknown", Box::new(|path, form| with(path, form, &[("client_id", "stranger")]))),
        ("public", Box::new(|path, form| with(path, form, &[("client_id", "portal")]))),
        ("bound", Box::new(|path, form| with(path, form, &[("client_id", "bound")]))),
        ("no secret", Box::new(|path, form| with(path, form, &[("client_id", "web")]))),
        (
            "wrong secret",
            Box::new(|path, form| with(path, form, &[("client_id", "web"), ("client_secret", "wrong")])),
        ),
        ("wrong basic", Box::new(|path, form| basic(post(path, form), "producer", "wrong"))),
        ("bad assertion", Box::new(move |path, form| with(path, form, &assertion))),
        (
            "two ways",
            Box::new(|path, form| basic(with(path, form, &[("client_secret", SECRET)]), "web", SECRET)),
        ),
    ]
}

fn proof(server: &TestApp, path: &str) -> String {
    let mut jwk = ES256.public.clone();
    jwk.common = CommonParameters::default();
    let header = Header { typ: Some("dpop+jwt".into()), jwk: Some(jwk), ..Header::new(ES256.algorithm) };
    let claims = json!({
        "jti": Uuid::now_v7().to_string(), "htm": "POST", "htu": format!("http://{}{path}", server.address),
        "iat": server.now().timestamp(),
    });
    sign(&ES256, header, &claims)
}

// SEC-10.
#[rstest]
#[actix_rt::test]
async fn unauthenticated_requests_write_no_rows(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let before = rows(&server);
    let mut sent = 0;
    for path in [TOKEN, "/oauth/introspect", "/oauth/revoke", "/oauth/par"] {
        for (principal, request) in nobodies() {
            for form in junk() {
                for has_proof in [false, true] {
                    let mut request = request(path, &form);
                    if has_proof {
                        request = request.header("DPoP", &proof(&server, path));
                    }
                    let answer = server.send(request).await;
                    let is_refused = (400..500).contains(&answer.status);
                    // An unknown token counts as revoked already (RFC 7009 §2.2).
                    let is_revoked = path == "/oauth/revoke" && answer.status == 200;
                    assert!(is_refused || is_revoked, "{path} {principal} {form:?}: {}", answer.status);
                    sent += 1;
                }
            }
        }
    }
    assert!(sent > 1000, "{sent}");
    assert_eq!(rows(&server), before);
}

// SEC-10.
#[rstest]
#[actix_rt::test]
async fn browser_requests_without_a_log_in_write_no_rows(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let before = rows(&server);
    let authorize = |query: &str| Request::new("GET", &format!("/oauth/authorize?{query}"));
    let json = Request::new("POST", "/oauth/register").header("Content-Type", "application/json");
    let event = Request::new("POST", "/events").header("Content-Type", "application/cloudevents+json");
    let requests = [
        authorize(""),
        authorize("client_id=stranger"),
        authorize("client_id=portal"),
        authorize("client_id=portal&redirect_uri=https%3A%2F%2Fevil.example"),
        authorize("client_id=portal&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcb&state=12345678"),
        authorize("client_id=portal&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ajunk"),
        Request::new("GET", "/oauth/log-in"),
        Request::new("GET", "/oauth/log-in/nhs-login?token=x"),
        Request::new("GET", "/oauth/callback/nhs-login?code=x&state=x"),
        Request::new("GET", "/oauth/link"),
        Request::new("GET", "/oauth/link/nhs-login?token=x"),
        Request::new("GET", "/oauth/patient"),
        Request::new("GET", "/oauth/approve"),
        Request::new("GET", "/oauth/log-out"),
        Request::new("GET", "/oauth/log-out?id_token_hint=a.b.c"),
        Request::new(
            "GET",
            "/oauth/log-out?client_id=portal&post_logout_redirect_uri=https%3A%2F%2Fevil.example",
        ),
        Request::new("GET", "/oauth/approve").header("Cookie", "onbehalf-login=junk"),
        post("/oauth/patient", &[("patient", "self"), ("token", "x")]),
        post("/oauth/approve", &[("answer", "allow"), ("token", "x")]),
        post("/oauth/leave", &[("token", "x")]),
        post("/oauth/log-out/confirm", &[("where", "everywhere"), ("id_token_hint", "a.b.c")]),
        post("/oauth/log-out/confirm", &[]),
        Request::new("GET", "/oauth/userinfo"),
        Request::new("GET", "/oauth/userinfo").bearer("a.b.c"),
        json.body("{}"),
        Request::new("POST", "/oauth/register")
            .bearer("wrong")
            .header("Content-Type", "application/json")
            .body("{}"),
        event.body("{}"),
        Request::new("GET", "/FHIR/R4/Consent"),
        Request::new("GET", "/FHIR/R4/Consent").bearer("a.b.c"),
        Request::new("GET", "/validated-relationships/FHIR/R4/Consent").with_id().bearer("junk"),
    ];
    for (at, request) in requests.into_iter().enumerate() {
        let status = server.send(request).await.status;
        assert!(status < 500, "request {at}: {status}");
    }
    assert_eq!(rows(&server), before);
}

// SEC-10.
#[rstest]
#[actix_rt::test]
async fn refusals_of_known_tokens_and_authenticated_clients_are_audited(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let acts = "SELECT act AS value FROM audit_records WHERE act IN ('grant-revoked', 'token-issued', 'token-refused')";
    let shown = code(&server, &grant(&server, "portal", SCOPES).await).await;
    let content: Value = server.send(redeem("portal", &shown)).await.json();
    assert!(content["access_token"].is_string());
    // The code a second time: refused, and its grant ends.
    assert_eq!(refused(&server.send(redeem("portal", &shown)).await).1, "invalid_grant");
    let wrong = basic(post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", "x")]), "web", SECRET);
    assert_eq!(refused(&server.send(wrong).await).1, "invalid_grant");
    // Revoked: no row of it is left.
    let token = content["refresh_token"].as_str().expect("a token");
    let back = post("/oauth/revoke", &[("client_id", "portal"), ("token", token)]);
    assert_eq!(server.send(back).await.status, 200);
    let mut recorded = sql::values(&server.database_url(), acts);
    recorded.sort();
    assert_eq!(recorded, ["grant-revoked", "token-issued", "token-refused", "token-refused"]);
}

// SEC-16.
#[rstest]
#[actix_rt::test]
async fn pushed_requests_store_known_parameters_only_and_expired_ones_are_removed(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let push = |more: &[(&str, &str)]| {
        let form = [
            ("client_id", "portal"),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "a long state"),
            ("scope", "openid"),
        ];
        post("/oauth/par", &[&form, more].concat())
    };
    let junk = "j".repeat(6000);
    let kept = || sql::values(&server.database_url(), "SELECT parameters AS value FROM pushed_requests");
    for _ in 0..5 {
        assert_eq!(server.send(push(&[("junk", &junk), ("client_secret_extra", "x")])).await.status, 201);
    }
    let before = kept();
    assert_eq!(before.len(), 5);
    assert!(before.iter().all(|one| one.len() < 400 && !one.contains("junk")), "{before:?}");
    // Larger than 8 KiB.
    let large = "j".repeat(9000);
    assert_eq!(server.send(push(&[("junk", &large)])).await.status, 413);
    assert_eq!(server.send(post(TOKEN, &[("grant_type", &large)])).await.status, 413);
    server.clock.advance(chrono::TimeDelta::seconds(61));
    assert_eq!(server.send(push(&[])).await.status, 201);
    assert_eq!(kept().len(), 1, "those that are over went with the next");
}
