//! Refusals of providers' responses.

use base::clock::Clock as _;
use domain::account::identity::{AuthorizationResponse, Proven, ProvenKind};
use idp::UpstreamError;
use rstest::rstest;
use serde_json::{Value, json};

use super::{CALLBACK, CLIENT, Scene};
use crate::support::provider::{Answered, rsa_keys, sign, sign_with_secret};

fn assert_refused<T: std::fmt::Debug>(result: Result<T, UpstreamError>, said: &str) {
    let error = result.expect_err(said);
    assert!(!matches!(error, UpstreamError::Unavailable | UpstreamError::Fault(_)), "{error}");
    assert!(error.to_string().contains(said), "{error}, not: {said}");
}

#[actix_rt::test]
async fn valid_provider_response_authenticates_the_person_and_the_client() {
    let scene = Scene::start();
    let proven = scene.log_in(|_| ()).await.unwrap();
    assert_eq!(
        (proven.issuer.as_str(), proven.subject.as_str()),
        (scene.provider.issuer.as_str(), "subject")
    );
    let ProvenKind::Citizen { nhs_number, vot } = proven.kind else { panic!("a citizen") };
    assert_eq!((nhs_number.unwrap().as_str(), vot.to_string().as_str()), ("9000000017", "P9.Cp.Cd"));
    let form = scene.provider.last_form("/token");
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!((form["code"].as_str(), form["redirect_uri"].as_str()), ("the-code", CALLBACK));
    assert!(form["code_verifier"].len() >= 43);
    assert!(!form.contains_key("client_secret"));
    let header = jsonwebtoken::decode_header(&form["client_assertion"]).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::RS512);
    assert!(header.kid.is_some() && header.typ.as_deref() == Some("JWT"));
}

#[actix_rt::test]
async fn authorization_request_to_the_provider_has_state_nonce_challenge_and_vtr() {
    let scene = Scene::start();
    let (one, other) = (scene.begin().await, scene.begin().await);
    assert_ne!(one.state, other.state);
    assert_ne!(one.nonce, other.nonce);
    let (page, query) = one.url.split_once('?').unwrap();
    assert_eq!(page, format!("{}/authorize", scene.provider.issuer));
    let query: std::collections::HashMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!((&query["state"], &query["nonce"]), (&one.state, &one.nonce));
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["response_type"], "code");
    assert_eq!((query["client_id"].as_str(), query["redirect_uri"].as_str()), (CLIENT, CALLBACK));
    assert_eq!(query["scope"], "openid profile");
    assert_eq!(query["vtr"], r#"["P9.Cp.Cd","P9.Cp.Ck","P9.Cm"]"#);
    assert!(!one.url.contains(&one.verifier));
}

#[rstest]
#[case::nonce("nonce", json!("another"), "nonce")]
#[case::no_nonce("nonce", Value::Null, "nonce")]
#[case::issuer("iss", json!("https://another.example"), "issuer")]
#[case::audience("aud", json!("other-client"), "audience")]
#[case::audiences("aud", json!(["our-client", "other-client"]), "audience")]
#[case::no_audience("aud", json!([]), "audience")]
#[case::authorized_party("azp", json!("other-client"), "audience")]
#[case::expired("exp", json!(1), "not valid yet")]
#[case::of_the_future("iat", json!(32_503_680_000_i64), "not valid yet")]
#[case::not_yet("nbf", json!(32_503_680_000_i64), "not valid yet")]
#[case::no_time("nbf", json!("tomorrow"), "cannot be read")]
#[case::low("vot", json!("P5.Cp.Cd"), "lower than requested")]
#[case::no_vector("vot", Value::Null, "no vector")]
#[case::inconsistent("identity_proofing_level", json!("P0"), "level of proofing")]
#[case::other_number("nhs_number", json!("9000000009"), "contradict")]
#[case::other_subject("sub", json!("another"), "another subject")]
#[actix_rt::test]
async fn id_token_with_a_wrong_claim_is_rejected(
    #[case] claim: &str,
    #[case] value: Value,
    #[case] said: &str,
) {
    let scene = Scene::start();
    let result = scene
        .log_in(|claims| {
            let claims = claims.as_object_mut().unwrap();
            match value {
                Value::Null => claims.remove(claim),
                value => claims.insert(claim.to_owned(), value),
            };
        })
        .await;
    assert_refused(result, said);
}

#[actix_rt::test]
async fn id_token_with_a_wrong_signature_is_rejected() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let scene = Scene::start();
    let departure = scene.begin().await;
    let claims = scene.claims(&departure.nonce);
    let key = &rsa_keys()[0];
    let good = sign(key, &claims);
    let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let none = format!("{}.{}.", encode(json!({ "alg": "none", "kid": key.kid })), encode(claims.clone()));
    let public = serde_json::to_vec(&key.public).unwrap();
    let by_secret = sign_with_secret(&key.kid, &public, &claims);
    let (start, _) = good.rsplit_once('.').unwrap();
    let (_, signature) =
        sign(key, &json!({ "a": 1 })).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let mut forged = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS512);
    forged.kid = Some(key.kid.clone());
    let forged = jsonwebtoken::encode(&forged, &claims, &rsa_keys()[1].signing).unwrap();
    for (token, name) in [
        (none, "none"),
        (by_secret, "HS256 with the public key"),
        (format!("{start}.{signature}"), "another token's signature"),
        (format!("{start}."), "no signature"),
        (forged, "another key under this key's id"),
        ("not a token".to_owned(), "no token"),
        (String::new(), "nothing"),
    ] {
        scene.answer(&token);
        let error = scene.complete(&departure).await.expect_err(name);
        assert!(matches!(error, UpstreamError::Refused(_)), "{name}: {error}");
    }
    scene.answer(&good);
    scene.complete(&departure).await.expect("the good one is taken");
}

#[actix_rt::test]
async fn response_with_another_iss_is_rejected_before_the_code_is_sent() {
    let scene = Scene::start();
    let departure = scene.begin().await;
    scene.answer(&sign(&rsa_keys()[0], &scene.claims(&departure.nonce)));
    let answer =
        |iss: Option<&str>| AuthorizationResponse { code: "c".to_owned(), iss: iss.map(str::to_owned) };
    let mixed_up = answer(Some("https://attacker.example"));
    assert_refused(scene.providers.complete("p", &departure, CALLBACK, &mixed_up).await, "RFC 9207");
    assert_eq!(scene.provider.count("/token"), 0);
    let named = answer(Some(&scene.provider.issuer));
    scene.providers.complete("p", &departure, CALLBACK, &named).await.unwrap();

    // A provider whose metadata promise `iss` in every response must send it.
    let scene = Scene::start();
    let mut metadata = scene.provider.metadata();
    metadata["authorization_response_iss_parameter_supported"] = true.into();
    scene.provider.script("/.well-known/openid-configuration", Answered::Json(200, metadata));
    assert_refused(scene.log_in(|_| ()).await, "RFC 9207");
}

#[actix_rt::test]
async fn invalid_provider_response_is_rejected() {
    let scene = Scene::start();
    let departure = scene.begin().await;
    scene.answer(&sign(&rsa_keys()[0], &scene.claims(&departure.nonce)));
    let elsewhere = || Answered::Redirect(format!("{}/jwks", scene.provider.issuer));
    for (page, answered, said) in [
        ("/token", Answered::Json(400, json!({ "error": "invalid_grant" })), "rejected the code"),
        (
            "/token",
            Answered::Json(200, json!({ "access_token": "a", "token_type": "bearer" })),
            "no id token",
        ),
        ("/token", Answered::Json(200, json!([])), "cannot be read"),
        ("/token", Answered::Huge(100_000), "too large"),
        ("/token", elsewhere(), "redirect"),
    ] {
        scene.provider.script(page, answered);
        assert_refused(scene.complete(&departure).await, said);
    }
    assert_eq!(scene.provider.count("/userinfo"), 0);
    for (answered, said) in [
        (Answered::Json(200, json!({ "sub": "another" })), "another subject"),
        (Answered::Json(200, json!({})), "cannot be read"),
        (Answered::Json(401, json!({})), "did not return"),
        (Answered::Huge(100_000), "too large"),
        (elsewhere(), "redirect"),
    ] {
        scene.answer(&sign(&rsa_keys()[0], &scene.claims(&departure.nonce)));
        scene.provider.script("/userinfo", answered);
        assert_refused(scene.complete(&departure).await, said);
    }
}

#[actix_rt::test]
async fn unconfigured_provider_is_unknown() {
    let scene = Scene::start();
    assert_eq!(scene.providers.begin("other", CALLBACK).await, Err(UpstreamError::Unknown));
}

#[actix_rt::test]
async fn id_token_within_the_clock_skew_is_accepted() {
    let scene = Scene::start();
    let now = scene.clock.now().timestamp();
    scene.log_in(|claims| claims["nbf"] = json!(now + 59)).await.expect("a clock may be wrong by so much");
    let late = scene.log_in(|claims| claims["nbf"] = json!(now + 61)).await;
    assert_refused(late, "not valid yet");
    scene.log_in(|claims| claims["nbf"] = json!(1.5)).await.expect("a fraction is a time");
}

/// The provider returns this access token for the code, and everything else is valid.
async fn with_access_token(scene: &Scene, token: &str) -> Result<Proven, UpstreamError> {
    let departure = scene.begin().await;
    let id_token = sign(&rsa_keys()[0], &scene.claims(&departure.nonce));
    scene.answer(&id_token);
    let tokens = json!({ "access_token": token, "token_type": "bearer", "id_token": id_token });
    scene.provider.script("/token", Answered::Json(200, tokens));
    scene.complete(&departure).await
}

#[actix_rt::test]
async fn userinfo_must_have_the_same_sub_and_a_requested_vot() {
    let scene = Scene::start();
    let issuer = scene.provider.issuer.clone();
    let claims = |vot: Value| json!({ "iss": issuer, "sub": "subject", "vot": vot });
    let [ours, other] = rsa_keys();
    with_access_token(&scene, &sign(ours, &claims(json!("P9.Cp.Cd")))).await.expect("a good one");
    let mut stranger = claims(json!("P9.Cp.Cd"));
    stranger["sub"] = json!("another");
    let mut foreign = claims(json!("P9.Cp.Cd"));
    foreign["iss"] = json!("https://another.example");
    for (token, said) in [
        (sign(ours, &claims(json!("P5.Cp.Cd"))), "access token is lower"),
        (sign(ours, &claims(json!("nonsense"))), "cannot be read"),
        (sign(ours, &claims(Value::Null)), "no vector of trust"),
        (sign(ours, &stranger), "another issuer or subject"),
        (sign(ours, &foreign), "another issuer or subject"),
        (sign(other, &claims(json!("P9.Cp.Cd"))), "keys do not include"),
        (sign_with_secret(&ours.kid, b"secret", &claims(json!("P9.Cp.Cd"))), "shared secret"),
    ] {
        assert_refused(with_access_token(&scene, &token).await, said);
    }
}

#[actix_rt::test]
async fn userinfo_may_be_a_jwt_that_the_provider_has_signed_for_us() {
    let scene = Scene::start();
    let departure = scene.begin().await;
    scene.answer(&sign(&rsa_keys()[0], &scene.claims(&departure.nonce)));
    let claims = json!({
        "iss": scene.provider.issuer, "aud": [CLIENT], "sub": "subject", "nhs_number": "9000000017",
    });
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let [ours, other] = rsa_keys();
    scene.provider.script("/userinfo", Answered::Jwt(sign(ours, &claims)));
    scene.complete(&departure).await.expect("a good one");
    let good = sign(ours, &claims);
    for (token, said) in [
        (sign(other, &claims), "keys do not include"),
        (good[..good.len() - 4].to_owned(), "signature"),
        (sign_with_secret(&ours.kid, b"secret", &claims), "shared secret"),
        (sign(ours, &changed("aud", json!("other-client"))), "another issuer or audience"),
        (sign(ours, &changed("iss", json!("https://another.example"))), "another issuer"),
        (sign(ours, &changed("sub", json!("another"))), "another subject"),
        (sign(ours, &changed("nhs_number", json!("9000000009"))), "contradict"),
        (claims.to_string(), "not a signed JWT"),
    ] {
        scene.provider.script("/userinfo", Answered::Jwt(token));
        assert_refused(scene.complete(&departure).await, said);
    }
}
