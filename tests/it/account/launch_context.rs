//! Introspection states what the token response stated (SMART App Launch 2.2, "Token Introspection"), for every grant type.

use std::collections::BTreeSet;

use domain::account::{AccessMode, GrantType, IntrospectionSubject, Registration, Scopes};
use domain::proxy::OdsCode;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::authorize::REDIRECT as PAGES_REDIRECT;
use super::journey::journey_for;
use super::oauth::kit::{
    CHILD, ES384, ME, ROLE, SCOPES, SECRET, TOKEN, VERIFIER, app, apps, assertion_claims,
    backend as ask_backend, basic, claims, code, grant, header, number, post, redeem, secret, sign, tokens,
};
use crate::support::{Backend, Options, TestApp, sql};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The members of a token response that are tokens, or about the response itself.
const OF_THE_RESPONSE: [&str; 5] =
    ["access_token", "refresh_token", "id_token", "expires_in", "issued_token_type"];

async fn start(backend: Backend) -> TestApp {
    let smart = Registration {
        may_introspect: true,
        introspection_subject: IntrospectionSubject::User,
        grant_types: Vec::new(),
        ..app("smart", secret(SECRET))
    };
    let mut registrations = apps();
    registrations.push(smart);
    let ward = Registration { mode: AccessMode::Staff, ..registrations[0].clone() };
    registrations.push(Registration { client_id: "ward".to_owned(), ..ward });
    let policy = service::policy::AccessPolicy::Tokens(Vec::new());
    TestApp::start(backend, Options { policy, registrations, ..Options::default() }).await
}

async fn ask(server: &TestApp, producer: &str, token: &Value) -> Value {
    let form = [("token", token.as_str().expect("a token"))];
    server.send(basic(post("/oauth/introspect", &form), producer, SECRET)).await.json()
}

async fn send(server: &TestApp, form: &[(&str, &str)]) -> Value {
    let answer = server.send(post(TOKEN, form)).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// Every member of a token response, as introspection returns it to both kinds of producers; and the claims
/// of an id token.
async fn assert_same(server: &TestApp, case: &str, body: &Value, account: &str) {
    let worth = ask(server, "producer", &body["access_token"]).await;
    let smart = ask(server, "smart", &body["access_token"]).await;
    for (name, value) in
        body.as_object().unwrap().iter().filter(|(name, _)| !OF_THE_RESPONSE.contains(&name.as_str()))
    {
        assert_eq!((&worth[name], &smart[name]), (value, value), "{case}: {name}");
    }
    // The other way round: a launch context parameter that only introspection states.
    for name in
        ["patient", "encounter", "need_patient_banner", "smart_style_url", "fhirContext", "intent", "tenant"]
    {
        assert_eq!(worth.get(name), body.get(name), "{case}: {name}");
    }
    let issuer = format!("http://{}", server.address);
    assert_eq!(
        (&worth["active"], &worth["sub"], &worth["iss"]),
        (&true.into(), &account.into(), &issuer.into()),
        "{case}"
    );
    assert_eq!(worth["exp"], server.now().timestamp() + body["expires_in"].as_i64().unwrap(), "{case}");
    if body["id_token"].is_string() {
        let principal = claims(&body["id_token"]);
        for name in ["sub", "iss", "fhirUser"] {
            assert_eq!(smart.get(name), principal.get(name), "{case}: {name}");
        }
        assert_eq!(worth["fhirUser"], principal["fhirUser"], "{case}");
    }
    // Nothing else depends on the producer.
    let names = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    assert_eq!(names(&worth), names(&smart), "{case}");
    if body["refresh_token"].is_string() {
        let worth = ask(server, "producer", &body["refresh_token"]).await;
        assert_eq!(
            (&worth["sub"], &worth["token_type"]),
            (&account.into(), &"refresh_token".into()),
            "{case}"
        );
        let context = ["patient", "need_patient_banner", "smart_style_url"];
        assert!(context.iter().all(|name| worth.get(name).is_some()), "{case}: {worth}");
    }
}

// covers FAULT-3, KIT-I-2
#[rstest]
#[actix_rt::test]
async fn introspection_repeats_every_member_of_the_token_response_for_every_grant_type(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let refresh = |token: &Value| token["refresh_token"].as_str().unwrap().to_owned();
    let mut seen = BTreeSet::new();

    let me = tokens(&server, "portal", SCOPES).await;
    assert_same(&server, "code", &me, ME).await;
    let form = [("grant_type", "refresh_token"), ("client_id", "portal"), ("refresh_token", &refresh(&me))];
    let second = send(&server, &form).await;
    assert_same(&server, "refresh", &second, ME).await;
    // `launch/patient` is left out; the token goes on to read as this patient.
    let narrow = [
        ("scope", "openid fhirUser patient/Patient.rs"),
        ("refresh_token", &refresh(&second)),
        form[0],
        form[1],
    ];
    let third = send(&server, &narrow).await;
    assert_eq!((&third["patient"], &third["need_patient_banner"]), (&ME.into(), &true.into()));
    assert_same(&server, "narrowed refresh", &third, ME).await;
    let bare = [("scope", "openid user/Consent.rs"), ("refresh_token", &refresh(&third)), form[0], form[1]];
    let fourth = send(&server, &bare).await;
    assert!(fourth.get("patient").is_none());
    assert_same(&server, "refresh without a patient", &fourth, ME).await;
    seen.extend([GrantType::AuthorizationCode.as_str(), GrantType::RefreshToken.as_str()]);

    let acting = grant(&server, "portal", SCOPES).await;
    let acting = domain::account::Grant {
        id: Uuid::now_v7(),
        patient: Some(number(CHILD)),
        proxy: Some(number(ME)),
        role: Some(ROLE.parse().unwrap()),
        fhir_user: Some("RelatedPerson/one".to_owned()),
        ..acting
    };
    super::oauth::kit::keep(&server, acting.clone()).await;
    let body = server.send(redeem("portal", &code(&server, &acting).await)).await.json();
    assert_eq!(body["patient"], CHILD);
    assert_same(&server, "code, acting", &body, CHILD).await;

    let subject = tokens(&server, "portal", SCOPES).await;
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", "portal"),
        ("subject_token", subject["access_token"].as_str().unwrap()),
        ("subject_token_type", ACCESS_TOKEN),
        ("patient", CHILD),
    ];
    let body = send(&server, &form).await;
    assert_eq!(body["patient"], CHILD);
    assert_same(&server, "exchange", &body, CHILD).await;
    let smart = ask(&server, "smart", &body["access_token"]).await;
    assert_eq!((&smart["sub"], &smart["act"]["sub"]), (&claims(&subject["id_token"])["sub"], &ME.into()));
    seen.insert(EXCHANGE);

    let staff = domain::account::Grant {
        id: Uuid::now_v7(),
        app: "ward".to_owned(),
        mode: AccessMode::Staff,
        patient: None,
        proxy: None,
        role: None,
        vot: None,
        staff: Some("555021935107".to_owned()),
        organisation: Some(OdsCode::parse("A83002").unwrap()),
        scopes: Scopes::parse("openid fhirUser user/Consent.rs").unwrap(),
        ..acting
    };
    super::oauth::kit::keep(&server, staff.clone()).await;
    let body = server.send(redeem("ward", &code(&server, &staff).await)).await.json();
    assert_same(&server, "code, staff", &body, "555021935107").await;

    let assertion = sign(&ES384, header(&ES384), &assertion_claims(&server));
    let body = server.send(ask_backend(&assertion, "system/Consent.rs")).await.json();
    assert_same(&server, "client credentials", &body, "epr").await;
    seen.insert(GrantType::ClientCredentials.as_str());
    assert_eq!(seen, GrantType::ALL.map(GrantType::as_str).into(), "a grant type has no case here");
}

// covers USE-9
#[rstest]
#[actix_rt::test]
async fn the_same_proxy_and_patient_have_one_fhir_user_for_every_grant_type(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    const ALL: &str = "openid fhirUser launch/patient offline_access delegation patient/*.rs user/*.rs";
    let portal = Registration {
        redirect_uris: vec![PAGES_REDIRECT.to_owned()],
        scopes: Scopes::parse(ALL).unwrap(),
        ..app("portal", domain::account::ClientAuthentication::None)
    };
    let policy = service::policy::AccessPolicy::Tokens(Vec::new());
    let options = Options { policy, registrations: vec![portal], is_simulating: true, ..Options::default() };
    let server = TestApp::start(backend, options).await;
    let log_in = async |patient: &str| {
        let answer = journey_for(&server, (ME, patient), &[("scope", ALL)], "GET").await;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "portal"),
            ("code", &answer["code"]),
            ("redirect_uri", PAGES_REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        send(&server, &form).await
    };
    let (me, acting) = (log_in("self").await, log_in(ROLE).await);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "portal"),
        ("refresh_token", acting["refresh_token"].as_str().unwrap()),
    ];
    let refreshed = send(&server, &form).await;
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", "portal"),
        ("subject_token", me["access_token"].as_str().unwrap()),
        ("subject_token_type", ACCESS_TOKEN),
        ("patient", CHILD),
    ];
    let exchanged = send(&server, &form).await;
    let wanted = claims(&acting["id_token"])["fhirUser"].clone();
    let base = format!("http://{}/FHIR/R4", server.address);
    assert!(wanted.as_str().unwrap().starts_with(&format!("{base}/RelatedPerson/")), "{wanted}");
    for token in [&acting, &refreshed, &exchanged] {
        assert_eq!(claims(&token["access_token"])["fhirUser"], wanted);
        // It can be read with each of them.
        let path = wanted.as_str().unwrap().strip_prefix(&base).unwrap();
        let answer = super::oauth::kit::read(&server, path, token["access_token"].as_str().unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
    }
    assert_eq!(claims(&me["access_token"])["fhirUser"], format!("{base}/Patient/{ME}"));
    // Without a RelatedPerson it is the Person of the user, for both.
    sql::execute(&server.database_url(), "UPDATE relationships SET active = false");
    let acting = log_in(ROLE).await;
    let exchanged = send(&server, &form).await;
    let user = format!("{base}/Person/{}", claims(&acting["id_token"])["sub"].as_str().unwrap());
    for token in [acting, exchanged] {
        assert_eq!(claims(&token["access_token"])["fhirUser"], json!(user));
    }
}
