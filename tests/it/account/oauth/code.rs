//! The authorization code grant (LA-03, LA-04, LA-07; Inferno's standalone launch).

use chrono::TimeDelta;
use domain::account::{Grant, Vector};
use jsonwebtoken::{DecodingKey, Validation};
use rstest::rstest;
use serde_json::Value;

use super::kit::{
    CHALLENGE, ME, REDIRECT, SCOPES, SECRET, TOKEN, VERIFIER, basic, claims, code, grant, part, post, read,
    redeem, refused, start, tokens,
};
use crate::support::{Backend, Request};

fn invalid_grant() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

// covers LA-04, LA-07
#[rstest]
#[actix_rt::test]
async fn code_is_exchanged_for_access_and_id_token(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let grant = grant(&server, "portal", SCOPES).await;
    let request = redeem("portal", &code(&server, &grant).await).header("Origin", "https://app.example");
    let answer = server.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["patient"]),
        (&"Bearer".into(), &300.into(), &ME.into())
    );
    assert_eq!(body["scope"], SCOPES);

    let issuer = format!("http://{}", server.address);
    let access = body["access_token"].as_str().unwrap();
    assert_eq!(
        (part(access, 0)["typ"].clone(), part(access, 0)["alg"].clone()),
        ("at+jwt".into(), "ES256".into())
    );
    let said = part(access, 1);
    assert_eq!(
        (&said["sub"], &said["iss"], &said["client_id"]),
        (&ME.into(), &issuer.clone().into(), &"portal".into())
    );
    assert_eq!(said["fhirUser"], format!("{issuer}/FHIR/R4/Patient/{ME}"));
    assert_eq!(said["act"], Value::Null);

    let id_token = body["id_token"].as_str().unwrap();
    let kid = part(id_token, 0)["kid"].clone();
    let keys = server.send(Request::new("GET", "/oauth/jwks")).await.json();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).unwrap().clone();
    let key = DecodingKey::from_jwk(&serde_json::from_value(key).unwrap()).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["portal"]);
    validation.set_issuer(&[&issuer]);
    validation.validate_exp = false;
    let said = jsonwebtoken::decode::<Value>(id_token, &key, &validation).unwrap().claims;
    assert_eq!(
        (&said["nonce"], &said["sub"]),
        (&"the-nonce".into(), &grant.user.unwrap().to_string().into())
    );
    assert_eq!(said["fhirUser"], format!("{issuer}/FHIR/R4/Patient/{ME}"));

    assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 200);
}

// covers LA-03
#[rstest]
#[actix_rt::test]
async fn reused_code_revokes_its_tokens(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let server = start(backend).await;
    let code = code(&server, &grant(&server, "portal", SCOPES).await).await;
    let first = server.send(redeem("portal", &code)).await.json();
    let access = first["access_token"].as_str().unwrap();
    assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 200);
    assert_eq!(refused(&server.send(redeem("portal", &code)).await), invalid_grant());
    assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 401);
}

#[rstest]
#[actix_rt::test]
async fn concurrent_code_redemption_issues_one_token(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let code = code(&server, &grant(&server, "portal", SCOPES).await).await;
    let (one, other) = futures_util::future::join(
        server.send(redeem("portal", &code)),
        server.send(redeem("portal", &code)),
    )
    .await;
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

// covers LA-03
#[rstest]
#[actix_rt::test]
async fn code_with_wrong_redirect_uri_or_verifier_is_rejected_and_spent(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let right = [("client_id", "portal"), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)];
    for (name, wrong) in [
        ("code_verifier", None),
        ("code_verifier", Some("")),
        ("code_verifier", Some("wrong")),
        ("code_verifier", Some(CHALLENGE)),
        ("code_verifier", Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK")),
        ("redirect_uri", None),
        ("redirect_uri", Some("http://127.0.0.1:9/cb/")),
        ("client_id", Some("bound")),
    ] {
        let code = code(&server, &grant(&server, "portal", SCOPES).await).await;
        let mut form = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
        form.extend(right.into_iter().filter(|(known, _)| *known != name));
        form.extend(wrong.map(|wrong| (name, wrong)));
        let answer = server.send(post(TOKEN, &form)).await;
        assert_eq!(answer.status, 400, "{name} {wrong:?}");
        if name != "client_id" {
            assert_eq!(refused(&answer), invalid_grant(), "{name} {wrong:?}");
            assert_eq!(refused(&server.send(redeem("portal", &code)).await), invalid_grant());
        }
    }
    assert_eq!(refused(&server.send(redeem("portal", "unknown")).await), invalid_grant());
}

#[rstest]
#[actix_rt::test]
async fn code_of_another_client_is_invalid_grant(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let code = code(&server, &grant(&server, "web", SCOPES).await).await;
    assert_eq!(refused(&server.send(redeem("portal", &code)).await), invalid_grant());
}

// covers LA-03
#[rstest]
#[actix_rt::test]
async fn code_expires_after_a_minute(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let server = start(backend).await;
    let grant = grant(&server, "portal", SCOPES).await;
    let (first, second) = (code(&server, &grant).await, code(&server, &grant).await);
    server.clock.advance(TimeDelta::milliseconds(59_999));
    assert_eq!(server.send(redeem("portal", &first)).await.status, 200);
    server.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(refused(&server.send(redeem("portal", &second)).await), invalid_grant());
}

// covers LA-09
#[rstest]
#[actix_rt::test]
async fn client_authenticates_by_its_registered_method_only(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let grant = grant(&server, "web", SCOPES).await;
    let form = |code: &str, more: &[(&str, &str)]| {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form.extend(more);
        post(TOKEN, &form)
    };
    let shown = code(&server, &grant).await;
    for wrong in [
        form(&shown, &[("client_id", "web")]),
        form(&shown, &[]),
        form(&shown, &[("client_id", "nobody")]),
        form(&shown, &[("client_id", "web"), ("client_secret", "wrong")]),
        form(&shown, &[("client_id", "portal"), ("client_secret", SECRET)]),
        basic(form(&shown, &[]), "web", "wrong"),
        basic(form(&shown, &[("client_id", "portal")]), "web", SECRET),
        form(&shown, &[]).header("Authorization", "Basic !!!"),
        form(&shown, &[("client_id", "web")]).header("Authorization", "Bearer x"),
    ] {
        let answer = server.send(wrong).await;
        assert_eq!(refused(&answer), (401, "invalid_client".into()));
        assert!(answer.header("www-authenticate").is_some());
    }
    let both = basic(form(&shown, &[("client_secret", SECRET)]), "web", SECRET);
    assert_eq!(refused(&server.send(both).await), (400, "invalid_request".into()));
    // None of these requests has spent the code.
    assert_eq!(server.send(basic(form(&shown, &[]), "web", SECRET)).await.status, 200);
    let posted = code(&server, &grant).await;
    let by_post = form(&posted, &[("client_id", "web"), ("client_secret", SECRET)]);
    assert_eq!(server.send(by_post).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn client_is_locked_out_for_a_minute_after_wrong_secrets(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let guess = |secret: &str| basic(post("/oauth/revoke", &[("token", "x")]), "web", secret);
    for _ in 0..10 {
        assert_eq!(refused(&server.send(guess("wrong")).await).0, 401);
    }
    let answer = server.send(guess(SECRET)).await;
    assert_eq!(
        (refused(&answer), answer.header("retry-after")),
        ((429, "invalid_client".into()), Some("61"))
    );
    // Other clients are not locked out.
    let other = basic(post("/oauth/revoke", &[("token", "x")]), "producer", SECRET);
    assert_eq!(server.send(other).await.status, 200);
    server.clock.advance(TimeDelta::seconds(60));
    assert_eq!(server.send(guess(SECRET)).await.status, 200);
}

// covers RS-01
#[rstest]
#[actix_rt::test]
async fn access_token_is_401_after_expiry_or_revocation_of_its_grant(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", SCOPES).await;
    let access = body["access_token"].as_str().unwrap();
    server.clock.advance(TimeDelta::seconds(299));
    assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 200);
    server.clock.advance(TimeDelta::seconds(1));
    let late = read(&server, &format!("/Patient/{ME}"), access).await;
    assert_eq!(late.status, 401);
    assert!(late.header("www-authenticate").unwrap().contains("invalid_token"));
}

// covers RS-05
#[rstest]
#[actix_rt::test]
async fn patient_scope_reads_the_launch_patient_only(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", "openid launch/patient patient/Patient.r").await;
    let access = body["access_token"].as_str().unwrap();
    assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 200);
    assert_eq!(read(&server, "/Patient/9000000042", access).await.status, 404);
    assert_eq!(claims(&body["access_token"])["patient"], ME);
    assert!(body.get("refresh_token").is_none(), "offline_access was not requested");
}

// covers RS-01, RS-03
#[rstest]
#[actix_rt::test]
async fn access_token_with_wrong_signature_or_claims_is_401(#[values(Backend::Sqlite)] backend: Backend) {
    use super::kit::unsigned;
    use base64::Engine as _;
    use jose::key::{KeyPurpose, KeyRing};
    use jsonwebtoken::{Algorithm, EncodingKey, Header};

    let server = start(backend).await;
    let body = tokens(&server, "portal", SCOPES).await;
    let good = body["access_token"].as_str().unwrap();
    let authority = server.authority.clone().unwrap();
    let (head, said) = (part(good, 0), part(good, 1));
    let mut wrong =
        vec![unsigned(&serde_json::json!({ "alg": "none", "typ": "at+jwt", "kid": head["kid"] }), &said)];
    // HS256 with the public key as the secret.
    let public = authority.keys().public().keys[0].clone();
    let public = serde_json::to_vec(&public).unwrap();
    let mut hs = Header::new(Algorithm::HS256);
    (hs.typ, hs.kid) = (Some("at+jwt".into()), head["kid"].as_str().map(str::to_owned));
    wrong.push(jsonwebtoken::encode(&hs, &said, &EncodingKey::from_secret(&public)).unwrap());
    // Our own signature below other claims.
    let change = |name: &str, value: Value| {
        let mut said = said.clone();
        said[name] = value;
        authority.sign(KeyPurpose::AccessToken, "at+jwt", &said).unwrap()
    };
    wrong.push(change("iss", "https://evil.example".into()));
    wrong.push(change("aud", serde_json::json!(["https://evil.example"])));
    wrong.push(change("exp", 1.into()));
    wrong.push(change("nbf", (server.now().timestamp() + 60).into()));
    for name in ["iss", "aud", "exp", "sub", "scope", "client_id"] {
        let mut said = said.clone();
        said.as_object_mut().unwrap().remove(name);
        wrong.push(authority.sign(KeyPurpose::AccessToken, "at+jwt", &said).unwrap());
    }
    wrong.push(authority.sign(KeyPurpose::AccessToken, "JWT", &said).unwrap());
    wrong.push(authority.sign(KeyPurpose::IdToken, "at+jwt", &said).unwrap());
    // A key of another issuer, with our kid and with an unknown one.
    let other = KeyRing::generate(server.now()).unwrap();
    for kid in [head["kid"].as_str(), Some("unknown"), None] {
        let header = Header {
            typ: Some("at+jwt".into()),
            kid: kid.map(str::to_owned),
            ..Header::new(Algorithm::ES256)
        };
        let key = &other.newest(KeyPurpose::AccessToken).unwrap().signing;
        wrong.push(jsonwebtoken::encode(&header, &said, key).unwrap());
    }
    let mut tampered = said.clone();
    tampered["sub"] = "9000000042".into();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(tampered.to_string());
    let parts: Vec<&str> = good.split('.').collect();
    wrong.push(format!("{}.{payload}.{}", parts[0], parts[2]));
    wrong.push(body["id_token"].as_str().unwrap().to_owned());
    wrong.push(body["refresh_token"].as_str().unwrap().to_owned());
    for (at, token) in wrong.iter().enumerate() {
        let answer = read(&server, &format!("/Patient/{ME}"), token).await;
        assert_eq!(answer.status, 401, "{at} {token}");
        let vrs = Request::new("GET", "/validated-relationships/FHIR/R4/Consent").with_id().bearer(token);
        assert_eq!(server.send(vrs).await.status, 401, "{at}");
    }
    assert_eq!(read(&server, &format!("/Patient/{ME}"), good).await.status, 200);
    let in_url = Request::new("GET", &format!("/FHIR/R4/Patient/{ME}?access_token={good}"));
    assert_eq!(server.send(in_url.clone()).await.status, 401);
    assert_eq!(server.send(in_url.bearer(good)).await.status, 401);
}

#[rstest]
#[actix_rt::test]
async fn token_below_p9_reads_nothing(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let low =
        Grant { vot: Some(Vector::parse("P5.Cp.Cd").unwrap()), ..grant(&server, "portal", SCOPES).await };
    let low = Grant { id: uuid::Uuid::now_v7(), ..low };
    super::kit::keep(&server, low.clone()).await;
    let body = server.send(redeem("portal", &code(&server, &low).await)).await.json();
    let access = body["access_token"].as_str().unwrap();
    assert_eq!(claims(&body["access_token"])["identity_proofing_level"], "P5");
    let answer = read(&server, "/Consent", access).await;
    assert_eq!(answer.status, 403);
}
