//! A provider's tokens at our token endpoint.

use base::clock::Clock as _;
use domain::account::identity::ProvenKind;
use idp::UpstreamError;
use serde_json::{Value, json};

use super::Scene;
use crate::support::provider::{rsa_keys, sign};

fn token(scene: &Scene, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = scene.claims("of another client");
    claims["aud"] = json!("a-portal");
    change(&mut claims);
    sign(&rsa_keys()[0], &claims)
}

/// A composite token: the patient outside, the identity token of the proxy, signed by any key, within.
fn composite(scene: &Scene, outer: impl FnOnce(&mut Value), inner: impl FnOnce(&mut Value)) -> String {
    let mut proxy = scene.claims("x");
    inner(&mut proxy);
    let proxy = sign(&rsa_keys()[1], &proxy);
    token(scene, |claims| {
        claims["sub"] = json!("9000000009");
        claims["act"] = json!({ "sub": proxy });
        outer(claims);
    })
}

#[actix_rt::test]
async fn id_token_of_a_known_client_identifies_its_subject() {
    let scene = Scene::start();
    let now = scene.clock.now();
    for audience in ["a-portal", "another"] {
        let token = token(&scene, |claims| claims["aud"] = json!(audience));
        let proven = scene.providers.verify_id_token(&token, now).await.unwrap();
        assert!(matches!(proven.kind, ProvenKind::Citizen { nhs_number: Some(_), .. }));
    }
    let wrongs: [(&str, Value); 5] = [
        ("aud", json!("our-client")),
        ("aud", json!(["a-portal", "a-stranger"])),
        ("exp", json!(now.timestamp())),
        ("vot", json!("P5.Cp.Cd")),
        ("act", json!({ "sub": "x" })),
    ];
    for (claim, value) in wrongs {
        let token = token(&scene, |claims| claims[claim] = value.clone());
        let refused = scene.providers.verify_id_token(&token, now).await;
        assert!(
            matches!(refused, Err(UpstreamError::Refused(_) | UpstreamError::NotProved(_))),
            "{claim} {value}: {refused:?}"
        );
    }
    let foreign = token(&scene, |claims| claims["iss"] = json!("https://another.example"));
    assert_eq!(scene.providers.verify_id_token(&foreign, now).await, Err(UpstreamError::Unknown));
    for text in ["", "a.b.c", "...."] {
        assert!(scene.providers.verify_id_token(text, now).await.is_err(), "{text}");
    }
}

// covers PX-07
#[actix_rt::test]
async fn a_composite_token_names_the_patient_and_who_acts() {
    let scene = Scene::start();
    let now = scene.clock.now();
    let good = composite(&scene, |_| (), |_| ());
    let read = scene.providers.verify_composite_token(&good, now).await.unwrap();
    assert_eq!(read.patient.as_str(), "9000000009");
    let ProvenKind::Citizen { nhs_number, .. } = &read.proxy.kind else { panic!("a citizen") };
    assert_eq!(nhs_number.unwrap().as_str(), "9000000017");
    assert!(
        scene.providers.verify_id_token(&good, now).await.is_err(),
        "it is no identity token of a person"
    );
    let nested = composite(&scene, |_| (), |inner| inner["act"] = json!({ "sub": "x.y.z" }));
    assert_eq!(scene.providers.verify_composite_token(&nested, now).await, Ok(read));
    let refused = [
        composite(&scene, |outer| outer["sub"] = json!("9000000017"), |_| ()),
        composite(&scene, |outer| outer["sub"] = json!("subject"), |_| ()),
        composite(&scene, |outer| outer["aud"] = json!("a-stranger"), |_| ()),
        composite(&scene, |outer| outer["exp"] = json!(1), |_| ()),
        composite(&scene, |outer| outer["act"] = json!({ "sub": "no token" }), |_| ()),
        composite(&scene, |_| (), |inner| inner["iss"] = json!("https://another.example")),
        composite(&scene, |_| (), |inner| inner["vot"] = json!("P5.Cp.Cd")),
        composite(&scene, |_| (), |inner| inner["nhs_number"] = Value::Null),
        composite(&scene, |_| (), |inner| inner["exp"] = json!("soon")),
        token(&scene, |_| ()),
    ];
    for (at, token) in refused.iter().enumerate() {
        let answer = scene.providers.verify_composite_token(token, now).await;
        assert!(answer.is_err(), "{at}: {answer:?}");
    }
}
