//! Dynamic client registration (RFC 7591).

use rstest::rstest;
use serde_json::{Value, json};

use super::kit::{
    CHALLENGE, ES256, ES384, REDIRECT, SCOPES, TOKEN, backend, basic, code, grant, header, many_scopes, post,
    redeem, refused, sign, start,
};
use crate::support::{Backend, INITIAL_ACCESS, Request, Response, TestApp, sql};

async fn register(server: &TestApp, metadata: &Value) -> Response {
    server.send(Request::new("POST", "/oauth/register").bearer(INITIAL_ACCESS).body(metadata)).await
}

fn portal() -> Value {
    json!({
        "client_name": "A portal",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "scope": format!("{SCOPES} system/*.cruds unknown"),
    })
}

#[rstest]
#[actix_rt::test]
async fn public_client_registers_and_gets_a_token(
    #[values(Backend::Sqlite, Backend::Postgres)] database: Backend,
) {
    let server = start(database).await;
    let answer = register(&server, &portal()).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
    let content = answer.json();
    assert_eq!((&content["scope"], content.get("client_secret")), (&SCOPES.into(), None), "no system scope");
    let client_id = content["client_id"].as_str().unwrap();
    let code = code(&server, &grant(&server, client_id, SCOPES).await).await;
    assert_eq!(server.send(redeem(client_id, &code)).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn registration_returns_the_secret_once_and_stores_its_sha256(
    #[values(Backend::Sqlite, Backend::Postgres)] database: Backend,
) {
    let server = start(database).await;
    let mut metadata = portal();
    metadata["token_endpoint_auth_method"] = "client_secret_basic".into();
    let content = register(&server, &metadata).await.json();
    let (id, secret) = (content["client_id"].as_str().unwrap(), content["client_secret"].as_str().unwrap());
    assert_eq!((secret.len(), &content["client_secret_expires_at"]), (43, &0.into()));
    let kept = sql::values(&server.database_url(), "SELECT secret_sha256 AS value FROM apps");
    assert_eq!(kept, [base::token::digest(secret)]);
    let push = |secret: &str| {
        let form = [
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        basic(post("/oauth/par", &form), id, secret)
    };
    assert_eq!(server.send(push(secret)).await.status, 201);
    assert_eq!(refused(&server.send(push("wrong")).await), (401, "invalid_client".into()));
    let introspect = basic(post("/oauth/introspect", &[("token", "x")]), id, secret);
    assert_eq!(refused(&server.send(introspect).await), (403, "unauthorized_client".into()));
}

#[rstest]
#[actix_rt::test]
async fn system_client_registers_with_a_jwks(
    #[values(Backend::Sqlite, Backend::Postgres)] database: Backend,
) {
    let server = start(database).await;
    let metadata = json!({
        "client_name": "An EPR",
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": { "keys": [ES384.public] },
        "scope": "system/Consent.rs patient/*.rs openid",
    });
    let content = register(&server, &metadata).await.json();
    assert_eq!((&content["scope"], &content["response_types"]), (&"system/Consent.rs".into(), &json!([])));
    assert_eq!(content["jwks"]["keys"][0]["kid"], "p384");
    let client_id = content["client_id"].as_str().unwrap();
    let now = server.now().timestamp();
    let claims = json!({
        "iss": client_id, "sub": client_id, "aud": format!("http://{}{TOKEN}", server.address),
        "exp": now + 60, "jti": "1",
    });
    let assertion = sign(&ES384, header(&ES384), &claims);
    assert_eq!(server.send(backend(&assertion, "system/Consent.rs")).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn invalid_client_metadata_is_rejected(#[values(Backend::Sqlite)] database: Backend) {
    let server = start(database).await;
    let mut private = serde_json::to_value(&ES256.public).unwrap();
    private["d"] = "x".into();
    let mut nameless = serde_json::to_value(&ES256.public).unwrap();
    nameless.as_object_mut().unwrap().remove("kid");
    let keys =
        |key: &Value| json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key] } });
    let metadata = "invalid_client_metadata";
    let redirect = "invalid_redirect_uri";
    for (change, error) in [
        (json!({ "redirect_uris": ["http://app.example/cb"] }), redirect),
        (json!({ "redirect_uris": ["https://app.example/cb#x"] }), redirect),
        (json!({ "redirect_uris": ["https://*.app.example/cb"] }), redirect),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), redirect),
        (json!({ "redirect_uris": [REDIRECT, "/cb"] }), redirect),
        (json!({ "redirect_uris": vec![REDIRECT; 21] }), redirect),
        (json!({ "redirect_uris": REDIRECT }), metadata),
        (json!({ "redirect_uris": [1] }), metadata),
        (json!({ "grant_types": ["implicit"] }), metadata),
        (json!({ "grant_types": ["authorization_code", "client_credentials"] }), metadata),
        (json!({ "grant_types": ["client_credentials"] }), metadata),
        (json!({ "grant_types": ["refresh_token"] }), redirect),
        (json!({ "token_endpoint_auth_method": "tls_client_auth" }), metadata),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), metadata),
        (json!({ "jwks_uri": "https://app.example/jwks" }), metadata),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://app.example/jwks" }),
            metadata,
        ),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://169.254.169.254/x" }),
            metadata,
        ),
        (keys(&private), metadata),
        (keys(&nameless), metadata),
        (keys(&json!({ "kty": "oct", "k": "eHg", "kid": "x" })), metadata),
        (keys(&json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "x" })), metadata),
        (json!({ "scope": "system/*.rs" }), metadata),
        (json!({ "scope": "patient/Consent.sr" }), metadata),
        (json!({ "scope": 1 }), metadata),
        (json!({ "client_name": "" }), metadata),
        (json!({ "client_name": "x".repeat(201) }), metadata),
        (json!({ "client_name": "NHS\u{202e}ppA" }), metadata),
        (json!({ "client_name": "NHS\u{200b} App" }), metadata),
        (json!({ "client_name": "NHS\u{7f} App" }), metadata),
        (json!({ "redirect_uris": ["http://[::1].evil.example/cb"] }), redirect),
        (json!({ "post_logout_redirect_uris": ["http://app.example/bye"] }), redirect),
        (json!({ "post_logout_redirect_uris": "https://app.example/bye" }), metadata),
    ] {
        let mut metadata = portal();
        metadata.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(refused(&register(&server, &metadata).await), (400, error.into()), "{change}");
    }
    for body in ["", "[]", "{", "null"] {
        let request = Request::new("POST", "/oauth/register").bearer(INITIAL_ACCESS).body(body);
        assert_eq!(refused(&server.send(request).await), (400, metadata.into()));
    }
    assert_eq!(sql::number(&server.database_url(), "SELECT CAST(COUNT(*) AS TEXT) AS value FROM apps"), 0);
}

#[rstest]
#[actix_rt::test]
async fn registration_without_the_initial_access_token_is_401(#[values(Backend::Sqlite)] database: Backend) {
    let server = start(database).await;
    let none = server.send(Request::new("POST", "/oauth/register").body(portal())).await;
    assert_eq!(refused(&none).0, 401);
    for guess in 0..11 {
        let request = Request::new("POST", "/oauth/register").bearer("wrong").body(portal());
        assert_eq!(refused(&server.send(request).await).0, if guess < 10 { 401 } else { 429 });
    }
    assert_eq!(sql::number(&server.database_url(), "SELECT CAST(COUNT(*) AS TEXT) AS value FROM apps"), 0);
}

#[rstest]
#[actix_rt::test]
async fn an_app_registers_a_hundred_scopes_over_resources_at_most_and_fifty_are_in_a_request(
    #[values(Backend::Sqlite)] database: Backend,
) {
    let server = start(database).await;
    for (many, status) in [(100, 201), (101, 400), (2000, 400)] {
        let mut metadata = portal();
        metadata["scope"] = many_scopes("user", many).into();
        let answer = register(&server, &metadata).await;
        assert_eq!(answer.status, status, "{many}: {}", answer.json());
        if status == 400 {
            assert_eq!(refused(&answer).1, "invalid_client_metadata");
        }
    }
    let mut metadata = portal();
    metadata["grant_types"] = vec!["authorization_code"; 5000].into();
    let content = register(&server, &metadata).await.json();
    assert_eq!(content["grant_types"], json!(["authorization_code"]));
}
