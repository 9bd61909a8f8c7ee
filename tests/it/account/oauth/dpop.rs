//! Tokens that are bound to a key (RFC 9449).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::kit::{
    AppKey, ES256, ES384, ME, SCOPES, TOKEN, bound_code, claims, code, grant, post, redeem, refused, sign,
    start, tokens, unsigned,
};
use crate::support::{Backend, Request, TestApp};

fn jkt(key: &AppKey) -> String {
    key.public.thumbprint(ThumbprintHash::SHA256).unwrap()
}

fn header(key: &AppKey) -> Header {
    let mut jwk = key.public.clone();
    jwk.common = jsonwebtoken::jwk::CommonParameters::default();
    Header { typ: Some("dpop+jwt".into()), jwk: Some(jwk), ..Header::new(key.algorithm) }
}

fn said(server: &TestApp, method: &str, path: &str, token: Option<&str>) -> Value {
    json!({
        "jti": Uuid::now_v7().to_string(), "htm": method, "htu": format!("http://{}{path}", server.address),
        "iat": server.now().timestamp(),
        "ath": token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token))),
    })
}

fn proof(server: &TestApp, key: &AppKey, method: &str, path: &str, token: Option<&str>) -> String {
    sign(key, header(key), &said(server, method, path, token))
}

/// The tokens of `ME` for the app whose tokens are bound.
async fn bound(server: &TestApp, client_id: &str) -> Value {
    let code = code(server, &grant(server, client_id, SCOPES).await).await;
    let request = redeem(client_id, &code).header("DPoP", &proof(server, &ES256, "POST", TOKEN, None));
    let answer = server.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

const PATH: &str = "/FHIR/R4/Patient/9000000017";

fn get(token: &str, proof: &str) -> Request {
    Request::new("GET", PATH).header("Authorization", &format!("DPoP {token}")).header("DPoP", proof)
}

// covers RS-01
#[rstest]
#[actix_rt::test]
async fn dpop_bound_token_requires_its_key(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let server = start(backend).await;
    let body = bound(&server, "bound").await;
    assert_eq!(body["token_type"], "DPoP");
    assert_eq!(claims(&body["access_token"])["cnf"]["jkt"], jkt(&ES256));
    let token = body["access_token"].as_str().unwrap();
    let good = proof(&server, &ES256, "GET", PATH, Some(token));
    assert_eq!(server.send(get(token, &good)).await.status, 200);
    // The same proof again.
    let again = server.send(get(token, &good)).await;
    assert_eq!(again.status, 401);
    assert!(again.header("www-authenticate").unwrap().starts_with("DPoP "));
    assert!(again.header("www-authenticate").unwrap().contains("invalid_dpop_proof"));
    // With a query, which is no part of `htu`.
    let searched = proof(&server, &ES256, "GET", "/FHIR/R4/Consent", Some(token));
    let search = Request::new("GET", "/FHIR/R4/Consent?status=active")
        .header("Authorization", &format!("DPoP {token}"))
        .header("DPoP", &searched);
    assert_eq!(server.send(search).await.status, 200);
    // As a bearer token it is refused, with and without a proof, on both APIs.
    assert_eq!(server.send(Request::new("GET", PATH).bearer(token)).await.status, 401);
    let proved = Request::new("GET", PATH)
        .bearer(token)
        .header("DPoP", &proof(&server, &ES256, "GET", PATH, Some(token)));
    assert_eq!(server.send(proved).await.status, 401);
    let vrs = "/validated-relationships/FHIR/R4/Consent";
    assert_eq!(server.send(Request::new("GET", vrs).with_id().bearer(token)).await.status, 401);
}

#[rstest]
#[actix_rt::test]
async fn invalid_dpop_proof_is_rejected(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let body = bound(&server, "bound").await;
    let token = body["access_token"].as_str().unwrap();
    let good = said(&server, "GET", PATH, Some(token));
    let now = server.now().timestamp();
    let mut wrong: Vec<String> = Vec::new();
    for (name, value) in [
        ("htm", "POST".into()),
        ("htm", Value::Null),
        ("htu", format!("http://{}/FHIR/R4/Patient/9000000009", server.address).into()),
        ("htu", "https://other.example/FHIR/R4/Patient/9000000017".into()),
        ("htu", Value::Null),
        ("iat", (now - 61).into()),
        ("iat", (now + 61).into()),
        ("iat", i64::MIN.into()),
        ("iat", Value::Null),
        ("jti", Value::Null),
        ("jti", "".into()),
        ("ath", Value::Null),
        ("ath", URL_SAFE_NO_PAD.encode(Sha256::digest("another")).into()),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        wrong.push(sign(&ES256, header(&ES256), &claims));
    }
    wrong.push(sign(&ES384, header(&ES384), &good));
    wrong.push(sign(&ES256, Header { typ: Some("JWT".into()), ..header(&ES256) }, &good));
    wrong.push(sign(&ES256, Header { jwk: None, ..header(&ES256) }, &good));
    // Signed by one key, with another in the header.
    wrong.push(sign(&ES384, Header { jwk: header(&ES256).jwk, ..header(&ES384) }, &good));
    let jwk = serde_json::to_value(header(&ES256).jwk).unwrap();
    wrong.push(unsigned(&json!({ "alg": "none", "typ": "dpop+jwt", "jwk": jwk }), &good));
    let secret =
        Header { jwk: header(&ES256).jwk, typ: Some("dpop+jwt".into()), ..Header::new(Algorithm::HS256) };
    wrong.push(jsonwebtoken::encode(&secret, &good, &EncodingKey::from_secret(b"x")).unwrap());
    // With the private key in the header.
    let mut private = serde_json::to_value(header(&ES256)).unwrap();
    private["jwk"]["d"] = "x".into();
    let parts = [private, good.clone()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = jsonwebtoken::crypto::sign(parts.as_bytes(), &ES256.signing, Algorithm::ES256).unwrap();
    wrong.push(format!("{parts}.{signature}"));
    wrong.extend(["", "x", "a.b.c", &"x".repeat(9000)].map(str::to_owned));
    for (at, proof) in wrong.iter().enumerate() {
        assert_eq!(server.send(get(token, proof)).await.status, 401, "{at} {proof}");
    }
    let signed = sign(&ES256, header(&ES256), &good);
    assert_eq!(server.send(get(token, &signed).header("DPoP", &signed)).await.status, 401, "two proofs");
    assert_eq!(server.send(get(token, &signed)).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn dpop_proof_with_an_unbound_token_is_rejected(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", SCOPES).await;
    let token = body["access_token"].as_str().unwrap();
    let good = proof(&server, &ES256, "GET", PATH, Some(token));
    assert_eq!(server.send(get(token, &good)).await.status, 401);
    assert_eq!(server.send(Request::new("GET", PATH).bearer(token)).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn token_endpoint_accepts_a_dpop_proof_once_and_requires_it_of_bound_apps(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let grant = grant(&server, "bound", SCOPES).await;
    let shown = code(&server, &grant).await;
    let without = server.send(redeem("bound", &shown)).await;
    assert_eq!(refused(&without), (400, "invalid_dpop_proof".into()));
    let good = proof(&server, &ES256, "POST", TOKEN, None);
    let twice = redeem("bound", &shown).header("DPoP", &good).header("DPoP", &good);
    assert_eq!(refused(&server.send(twice).await), (400, "invalid_dpop_proof".into()));
    for wrong in
        [proof(&server, &ES256, "GET", TOKEN, None), proof(&server, &ES256, "POST", "/oauth/par", None)]
    {
        let answer = server.send(redeem("bound", &shown).header("DPoP", &wrong)).await;
        assert_eq!(refused(&answer), (400, "invalid_dpop_proof".into()));
    }
    assert_eq!(server.send(redeem("bound", &shown).header("DPoP", &good)).await.status, 200);
    let next = code(&server, &grant).await;
    let again = server.send(redeem("bound", &next).header("DPoP", &good)).await;
    assert_eq!(refused(&again), (400, "invalid_dpop_proof".into()));
}

#[rstest]
#[actix_rt::test]
async fn code_with_dpop_jkt_requires_that_key(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let grant = grant(&server, "portal", SCOPES).await;
    for (key, status) in [(Some(&*ES384), 400), (None, 400), (Some(&*ES256), 200)] {
        let code = bound_code(&server, &grant, Some(&jkt(&ES256))).await;
        let mut request = redeem("portal", &code);
        if let Some(key) = key {
            request = request.header("DPoP", &proof(&server, key, "POST", TOKEN, None));
        }
        assert_eq!(server.send(request).await.status, status);
    }
}

// SEC-22.
#[rstest]
#[actix_rt::test]
async fn refresh_token_of_a_public_client_is_dpop_bound(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let refresh = |body: &Value, key: Option<&AppKey>| {
        let token = body["refresh_token"].as_str().unwrap();
        let form = [("grant_type", "refresh_token"), ("client_id", "portal"), ("refresh_token", token)];
        match key {
            Some(key) => post(TOKEN, &form).header("DPoP", &proof(&server, key, "POST", TOKEN, None)),
            None => post(TOKEN, &form),
        }
    };
    let body = bound(&server, "portal").await;
    let answer = server.send(refresh(&body, Some(&ES256))).await;
    assert_eq!((answer.status, answer.json()["token_type"].clone()), (200, "DPoP".into()));
    for key in [None, Some(&*ES384)] {
        let body = bound(&server, "portal").await;
        assert_eq!(refused(&server.send(refresh(&body, key)).await), (400, "invalid_dpop_proof".into()));
        // Presented without its key it is not spent, neither unused nor used: it stays with the app.
        let next = server.send(refresh(&body, Some(&ES256))).await;
        assert_eq!(next.status, 200);
        assert_eq!(refused(&server.send(refresh(&body, key)).await), (400, "invalid_dpop_proof".into()));
        assert_eq!(server.send(refresh(&next.json(), Some(&ES256))).await.status, 200);
    }
}

#[rstest]
#[actix_rt::test]
async fn exchange_of_a_dpop_bound_subject_token_requires_its_key(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let server = start(backend).await;
    let me = bound(&server, "bound").await;
    let ask = |key: &AppKey| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", "bound"),
            ("subject_token", me["access_token"].as_str().unwrap()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("patient", "9000000009"),
        ];
        post(TOKEN, &form).header("DPoP", &proof(&server, key, "POST", TOKEN, None))
    };
    assert_eq!(refused(&server.send(ask(&ES384)).await), (400, "invalid_dpop_proof".into()));
    let body = server.send(ask(&ES256)).await.json();
    assert_eq!(claims(&body["access_token"])["cnf"]["jkt"], jkt(&ES256));
    assert_eq!(claims(&body["access_token"])["act"]["sub"], ME);
}

#[rstest]
#[actix_rt::test]
async fn dpop_jti_is_remembered_until_it_expires(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let body = bound(&server, "bound").await;
    let token = body["access_token"].as_str().unwrap();
    let mut claims = said(&server, "GET", PATH, Some(token));
    claims["iat"] = (server.now().timestamp() + 60).into();
    let early = sign(&ES256, header(&ES256), &claims);
    assert_eq!(server.send(get(token, &early)).await.status, 200);
    for _ in 0..4 {
        server.clock.advance(TimeDelta::seconds(40));
        assert_eq!(server.send(get(token, &early)).await.status, 401);
    }
}

#[rstest]
#[actix_rt::test]
async fn pushed_authorization_request_with_dpop_is_bound_to_its_key(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let server = start(backend).await;
    let other = jkt(&ES384);
    let push = |more: &[(&str, &str)]| {
        let mut form = vec![
            ("client_id", "portal"),
            ("response_type", "code"),
            ("redirect_uri", super::kit::REDIRECT),
            ("code_challenge", super::kit::CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        form.extend(more);
        post("/oauth/par", &form).header("DPoP", &proof(&server, &ES256, "POST", "/oauth/par", None))
    };
    let wrong = server.send(push(&[("dpop_jkt", &other)])).await;
    assert_eq!(refused(&wrong), (400, "invalid_dpop_proof".into()));
    let answer = server.send(push(&[])).await;
    let key = base::token::digest(answer.json()["request_uri"].as_str().unwrap());
    let now = server.now();
    let taken: Result<_, base::error::Error> =
        server.store.write(move |tx| tx.take_pushed_request(&key, "portal", now)).await;
    assert!(taken.unwrap().unwrap().contains(&format!("dpop_jkt={}", jkt(&ES256))));
}
