//! A provider's documents: cached, refreshed, and used while the provider is down.

use base::clock::Clock as _;
use chrono::TimeDelta;
use idp::UpstreamError;
use serde_json::json;

use super::{CALLBACK, Scene};
use crate::support::provider::{Answered, jwks, rsa_keys, sign};

const DISCOVERY: &str = "/.well-known/openid-configuration";

// covers RS-02
#[actix_rt::test]
async fn provider_documents_are_cached_and_refreshed() {
    let scene = Scene::start();
    for _ in 0..3 {
        scene.log_in(|_| ()).await.unwrap();
    }
    assert_eq!((scene.provider.count(DISCOVERY), scene.provider.count("/jwks")), (1, 1));
    scene.clock.advance(TimeDelta::minutes(15));
    scene.log_in(|_| ()).await.unwrap();
    assert_eq!((scene.provider.count(DISCOVERY), scene.provider.count("/jwks")), (2, 2));
}

// covers RS-02
#[actix_rt::test]
async fn rotated_provider_key_is_fetched_and_unknown_kid_causes_one_fetch() {
    let scene = Scene::start();
    scene.log_in(|_| ()).await.unwrap();
    let departure = scene.begin().await;
    scene.answer(&sign(&rsa_keys()[1], &scene.claims(&departure.nonce)));
    for _ in 0..3 {
        let refused = scene.complete(&departure).await;
        assert_eq!(
            refused,
            Err(UpstreamError::Refused("the provider's keys do not include that of the token"))
        );
    }
    assert_eq!(scene.provider.count("/jwks"), 2, "looked for once, not three times");
    scene.provider.script("/jwks", Answered::Json(200, jwks(&[&rsa_keys()[0], &rsa_keys()[1]])));
    assert!(scene.complete(&departure).await.is_err(), "not asked again at once");
    scene.clock.advance(TimeDelta::seconds(10));
    scene.complete(&departure).await.unwrap();
    assert_eq!(scene.provider.count("/jwks"), 3);
}

// covers RS-02
#[actix_rt::test]
async fn the_last_good_keys_verify_while_the_provider_is_down() {
    let scene = Scene::start();
    scene.log_in(|_| ()).await.unwrap();
    let mut claims = scene.claims("");
    claims["aud"] = json!("a-portal");
    claims["exp"] = json!(scene.clock.now().timestamp() + 7200);
    let token = sign(&rsa_keys()[0], &claims);
    scene.provider.go_down();
    scene.clock.advance(TimeDelta::minutes(20));
    scene.providers.verify_id_token(&token, scene.clock.now()).await.expect("an issued token goes on");
    let departure = scene.begin().await;
    assert_eq!(scene.complete(&departure).await, Err(UpstreamError::Unavailable), "a log-in says so");
}

#[actix_rt::test]
async fn unreachable_or_silent_provider_is_unavailable() {
    let scene = Scene::start();
    scene.provider.go_down();
    assert_eq!(scene.providers.begin("p", CALLBACK).await, Err(UpstreamError::Unavailable));
    let asked = scene.provider.count(DISCOVERY);
    assert_eq!(scene.providers.begin("p", CALLBACK).await, Err(UpstreamError::Unavailable));
    assert_eq!(scene.provider.count(DISCOVERY), asked, "it is left alone for a while");

    let scene = Scene::start();
    scene.provider.script(DISCOVERY, Answered::Silence);
    assert_eq!(scene.providers.begin("p", CALLBACK).await, Err(UpstreamError::Unavailable));

    let scene = Scene::start();
    let departure = scene.begin().await;
    scene.provider.script("/token", Answered::Silence);
    assert_eq!(scene.complete(&departure).await, Err(UpstreamError::Unavailable));
}

#[actix_rt::test]
async fn invalid_provider_metadata_is_rejected() {
    let scene = Scene::start();
    let changed = |name: &str, value: &str| {
        let mut metadata = scene.provider.metadata();
        metadata[name] = value.into();
        Answered::Json(200, metadata)
    };
    for answered in [
        changed("issuer", "https://another.example"),
        changed("issuer", &format!("{}/", scene.provider.issuer)),
        changed("token_endpoint", "http://another.example/token"),
        changed("authorization_endpoint", "javascript:alert(1)"),
        changed("jwks_uri", "file:///etc/passwd"),
        changed("userinfo_endpoint", "http://169.254.169.254/"),
        Answered::Json(200, json!({})),
        Answered::Json(404, json!({})),
        Answered::Redirect(format!("{}/jwks", scene.provider.issuer)),
        Answered::Huge(100_000),
    ] {
        scene.provider.script(DISCOVERY, answered.clone());
        scene.clock.advance(TimeDelta::seconds(10));
        let refused = scene.providers.begin("p", CALLBACK).await;
        assert!(matches!(refused, Err(UpstreamError::Refused(_))), "{answered:?}: {refused:?}");
    }
    scene.provider.script(DISCOVERY, Answered::Json(200, scene.provider.metadata()));
    scene.clock.advance(TimeDelta::seconds(10));
    scene.begin().await;
}
