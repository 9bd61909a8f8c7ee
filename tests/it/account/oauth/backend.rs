//! Client credentials, and the assertions by which apps authenticate (LA-08, LA-09; SMART Backend Services).

use domain::account::{ClientAuthentication, Registration, Scopes};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rstest::rstest;
use serde_json::{Value, json};

use super::kit::{
    AppKey, ES256, ES384, JWT_BEARER, RSA, SECRET, TOKEN, apps, assertion_claims, backend, basic, claims,
    header, many_scopes, post, read, refused, sign, start, start_with, unsigned,
};
use crate::support::{Backend, Request, TestApp};

async fn refusal_of(server: &TestApp, assertion: &str) -> (u16, String) {
    refused(&server.send(backend(assertion, "system/Consent.rs")).await)
}

fn with(key: &AppKey, algorithm: Algorithm) -> Header {
    Header { kid: key.public.common.key_id.clone(), ..Header::new(algorithm) }
}

// covers LA-08, LA-09
#[rstest]
#[actix_rt::test]
async fn client_credentials_token_has_registered_scopes_and_short_lifetime(
    #[values(Backend::Sqlite, Backend::Postgres)] database: Backend,
) {
    let server = start(database).await;
    for (key, algorithm) in [
        (&*ES384, Algorithm::ES384),
        (&*RSA, Algorithm::RS384),
        (&*ES256, Algorithm::ES256),
        (&*RSA, Algorithm::RS512),
    ] {
        let assertion = sign(key, with(key, algorithm), &assertion_claims(&server));
        let answer = server.send(backend(&assertion, "system/Consent.rs patient/Consent.rs openid")).await;
        assert_eq!(answer.status, 200, "{algorithm:?} {}", answer.json());
        let content = answer.json();
        assert_eq!((&content["scope"], &content["expires_in"]), (&"system/Consent.rs".into(), &300.into()));
        assert!(content.get("refresh_token").is_none() && content.get("id_token").is_none());
        let said = claims(&content["access_token"]);
        assert_eq!((&said["sub"], &said["client_id"]), (&"epr".into(), &"epr".into()));
        let access = content["access_token"].as_str().unwrap();
        assert_eq!(read(&server, "/Consent", access).await.status, 200);
        assert_eq!(read(&server, "/Patient", access).await.status, 403);
    }
    // The issuer is an audience too.
    let mut issuer = assertion_claims(&server);
    issuer["aud"] = json!(["https://other.example", format!("http://{}", server.address)]);
    let assertion = sign(&ES384, header(&ES384), &issuer);
    assert_eq!(server.send(backend(&assertion, "system/*.cruds")).await.status, 200);
    assert_eq!(refusal_of(&server, &assertion).await, (401, "invalid_client".into()));
}

// covers SC-07
#[rstest]
#[actix_rt::test]
async fn client_credentials_rejects_patient_and_user_scopes(#[values(Backend::Sqlite)] database: Backend) {
    let server = start(database).await;
    for scope in
        ["patient/Consent.rs", "user/*.rs", "openid", "unknown", "system/Consent.sr", "system/Consent"]
    {
        let assertion = sign(&ES384, header(&ES384), &assertion_claims(&server));
        let answer = server.send(backend(&assertion, scope)).await;
        assert_eq!(refused(&answer), (400, "invalid_scope".into()), "{scope}");
    }
}

#[rstest]
#[actix_rt::test]
async fn token_of_an_app_by_itself_has_fifty_scopes_over_resources_at_most(
    #[values(Backend::Sqlite)] database: Backend,
) {
    let mut registrations = apps();
    for app in registrations.iter_mut().filter(|app| app.client_id == "epr") {
        app.scopes = Scopes::parse(&many_scopes("system", 60)).unwrap();
    }
    let server = start_with(database, registrations).await;
    let assertion = || sign(&ES384, header(&ES384), &assertion_claims(&server));
    assert_eq!(server.send(backend(&assertion(), &many_scopes("system", 50))).await.status, 200);
    let answer = server.send(backend(&assertion(), &many_scopes("system", 51))).await;
    assert_eq!(refused(&answer), (400, "invalid_scope".into()));
    // Nor where it requests every scope of its registration.
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &assertion()),
    ];
    assert_eq!(refused(&server.send(post(TOKEN, &form)).await), (400, "invalid_scope".into()));
}

#[rstest]
#[actix_rt::test]
async fn invalid_client_assertion_is_rejected(#[values(Backend::Sqlite)] database: Backend) {
    let server = start(database).await;
    let good = assertion_claims(&server);
    let now = server.now().timestamp();
    let mut wrong: Vec<String> = Vec::new();
    for (name, value) in [
        ("iss", Value::Null),
        ("iss", "portal".into()),
        ("sub", "producer".into()),
        ("aud", Value::Null),
        ("aud", "https://other.example/oauth/token".into()),
        ("exp", Value::Null),
        ("exp", now.into()),
        ("exp", (now + 361).into()),
        ("exp", "soon".into()),
        ("iat", (now + 61).into()),
        ("iat", (now - 361).into()),
        ("nbf", (now + 61).into()),
        ("jti", Value::Null),
        ("jti", "".into()),
        ("jti", "x".repeat(256).into()),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        wrong.push(sign(&ES384, header(&ES384), &claims));
    }
    let head = |change: fn(&mut Header)| {
        let mut header = header(&ES384);
        change(&mut header);
        sign(&ES384, header, &good)
    };
    wrong.push(head(|header| header.kid = None));
    wrong.push(head(|header| header.kid = Some("unknown".into())));
    wrong.push(head(|header| header.kid = Some("p256".into())));
    wrong.push(head(|header| header.typ = Some("at+jwt".into())));
    wrong.push(head(|header| header.crit = Some(vec!["exp".into()])));
    for alg in ["none", "None", "nOnE"] {
        wrong.push(unsigned(&json!({ "alg": alg, "typ": "JWT", "kid": "p384" }), &good));
    }
    // HS256 with the public key as the secret.
    let public = serde_json::to_vec(&ES384.public).unwrap();
    let hs = Header { kid: Some("p384".into()), ..Header::new(Algorithm::HS256) };
    wrong.push(jsonwebtoken::encode(&hs, &good, &EncodingKey::from_secret(&public)).unwrap());
    // Algorithms that are not on the list, by a key that could.
    wrong.extend(
        [Algorithm::RS256, Algorithm::PS256].map(|algorithm| sign(&RSA, with(&RSA, algorithm), &good)),
    );
    wrong.extend(["", "x", "a.b.c", "a.b.c.d", &"x".repeat(7000)].map(str::to_owned));
    let signed = sign(&ES384, header(&ES384), &good);
    wrong.push(signed[..signed.len() - 4].to_owned());
    for (at, assertion) in wrong.iter().enumerate() {
        assert_eq!(refusal_of(&server, assertion).await, (401, "invalid_client".into()), "{at} {assertion}");
    }
    // None of these requests has used the jti.
    assert_eq!(server.send(backend(&signed, "system/Consent.rs")).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn client_assertion_is_accepted_once(#[values(Backend::Sqlite, Backend::Postgres)] database: Backend) {
    let server = start(database).await;
    let assertion = sign(&ES384, header(&ES384), &assertion_claims(&server));
    let send = || server.send(backend(&assertion, "system/Consent.rs"));
    let (one, other) = futures_util::future::join(send(), send()).await;
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[rstest]
#[actix_rt::test]
async fn app_may_use_its_registered_grant_types_only(#[values(Backend::Sqlite)] database: Backend) {
    let server = start(database).await;
    let by_secret = basic(post(TOKEN, &[("grant_type", "client_credentials")]), "web", SECRET);
    assert_eq!(refused(&server.send(by_secret).await), (400, "unauthorized_client".into()));
    let public = post(TOKEN, &[("grant_type", "client_credentials"), ("client_id", "portal")]);
    assert_eq!(refused(&server.send(public).await), (400, "unauthorized_client".into()));
    let assertion = sign(&ES384, header(&ES384), &assertion_claims(&server));
    let code = [
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("client_assertion", &assertion),
        ("client_assertion_type", JWT_BEARER),
    ];
    assert_eq!(refused(&server.send(post(TOKEN, &code)).await), (400, "unauthorized_client".into()));
    // The kit of SMART sends a wrong type of assertion.
    let assertion = sign(&ES384, header(&ES384), &assertion_claims(&server));
    let wrong_type = [
        ("grant_type", "client_credentials"),
        ("scope", "system/Consent.rs"),
        ("client_assertion", &assertion),
        ("client_assertion_type", "not_a_type"),
    ];
    assert_eq!(refused(&server.send(post(TOKEN, &wrong_type)).await), (401, "invalid_client".into()));
    let name_alone = [("grant_type", "client_credentials"), ("client_id", "epr")];
    assert_eq!(refused(&server.send(post(TOKEN, &name_alone)).await), (401, "invalid_client".into()));
}

/// An app whose keys are at a URL.
fn published(jwks_uri: &str) -> Vec<Registration> {
    let by_url = |app: Registration| match app.client_id.as_str() {
        "epr" => Registration {
            authentication: ClientAuthentication::PrivateKeyJwtAt { jwks_uri: jwks_uri.to_owned() },
            ..app
        },
        _ => app,
    };
    apps().into_iter().map(by_url).collect()
}

/// Answers requests for keys with its content, and counts them.
struct KeyServer {
    url: String,
    answer: std::sync::Arc<std::sync::Mutex<String>>,
    asked: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl KeyServer {
    fn start(first: &Value) -> Self {
        use std::io::{Read as _, Write as _};
        use std::sync::atomic::Ordering;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let answer = std::sync::Arc::new(std::sync::Mutex::new(first.to_string()));
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (body, count) = (std::sync::Arc::clone(&answer), std::sync::Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _request = stream.read(&mut [0; 4096]);
                count.fetch_add(1, Ordering::SeqCst);
                let body = body.lock().unwrap().clone();
                let _gone = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { url, answer, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn publish(&self, text: &str) {
        text.clone_into(&mut self.answer.lock().unwrap());
    }
}

// covers RS-02
#[rstest]
#[actix_rt::test]
async fn jwks_uri_is_cached_refreshed_and_rate_limited(#[values(Backend::Sqlite)] database: Backend) {
    use chrono::TimeDelta;
    let keys = KeyServer::start(&json!({ "keys": [ES384.public] }));
    let server = start_with(database, published(&keys.url)).await;
    let send = async |key: &AppKey| {
        let assertion = sign(key, header(key), &assertion_claims(&server));
        server.send(backend(&assertion, "system/Consent.rs")).await.status
    };
    assert_eq!((send(&ES384).await, send(&ES384).await, keys.asked()), (200, 200, 1));
    // A new key: the URL is requested again, but not at once.
    keys.publish(&json!({ "keys": [ES256.public] }).to_string());
    assert_eq!((send(&ES256).await, keys.asked()), (401, 1));
    server.clock.advance(TimeDelta::seconds(30));
    assert_eq!((send(&ES256).await, keys.asked()), (200, 2));
    assert_eq!((send(&ES384).await, keys.asked()), (401, 2));
    // The URL is down: the last good keys stay valid.
    keys.publish("down");
    server.clock.advance(TimeDelta::hours(2));
    assert_eq!((send(&ES256).await, keys.asked()), (200, 3));
    keys.publish(&format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(70_000)));
    server.clock.advance(TimeDelta::hours(2));
    assert_eq!((send(&ES256).await, keys.asked()), (200, 4));
}

#[rstest]
#[actix_rt::test]
async fn unavailable_jwks_uri_is_invalid_client(#[values(Backend::Sqlite)] database: Backend) {
    for url in
        ["http://127.0.0.1:9/jwks", "http://app.example/jwks", "https://10.0.0.1/jwks", "file:///etc/passwd"]
    {
        let server = start_with(database, published(url)).await;
        let assertion = sign(&ES384, header(&ES384), &assertion_claims(&server));
        assert_eq!(refusal_of(&server, &assertion).await, (401, "invalid_client".into()), "{url}");
    }
}

#[rstest]
#[actix_rt::test]
async fn vrs_api_accepts_a_client_credentials_token(#[values(Backend::Sqlite)] database: Backend) {
    let server = start(database).await;
    let assertion = sign(&ES384, header(&ES384), &assertion_claims(&server));
    let content = server.send(backend(&assertion, "system/Consent.rs")).await.json();
    let path = "/validated-relationships/FHIR/R4/Consent?performer:identifier=9000000017";
    let request = Request::new("GET", path).with_id().bearer(content["access_token"].as_str().unwrap());
    assert_eq!(server.send(request).await.status, 200);
}
