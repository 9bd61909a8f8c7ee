//! The assertions of the public test kit for SMART App Launch 2.2 (with the extras of the g10 kit), one by one,
//! against a whole launch: pages, simulated provider and all.

use std::collections::HashMap;

use domain::account::{ClientAuthentication, GrantType, Registration, Scopes};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{DecodingKey, Validation};
use rstest::rstest;
use serde_json::{Value, json};

use super::authorize::{CHALLENGE, REDIRECT, STATE};
use super::journey::journey;
use super::oauth::kit::{
    self, ES384, JWT_BEARER, SECRET, TOKEN, VERIFIER, assertion_claims, basic, header, part, post, sign,
};
use crate::support::{Backend, Options, Request, Response, TestApp};

const ME: &str = "9000000017";
const ORIGIN: &str = "https://app.example";
const ALL: &str = "openid fhirUser launch/patient offline_access patient/*.rs user/*.rs";

fn apps() -> Vec<Registration> {
    let by_key =
        ClientAuthentication::PrivateKeyJwt { jwks: JwkSet { keys: vec![Jwk::clone(&ES384.public)] } };
    let launched = |app: Registration| Registration {
        redirect_uris: vec![REDIRECT.to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: Scopes::parse("openid fhirUser launch/patient offline_access patient/*.cruds user/*.cruds")
            .unwrap(),
        ..app
    };
    let mut apps = kit::apps();
    apps.retain(|app| app.client_id != "portal");
    apps.push(launched(kit::app("portal", ClientAuthentication::None)));
    apps.push(launched(kit::app("keyed", by_key)));
    apps
}

async fn start(backend: Backend) -> TestApp {
    let policy = service::policy::AccessPolicy::Tokens(Vec::new());
    TestApp::start(
        backend,
        Options { policy, registrations: apps(), is_simulating: true, ..Options::default() },
    )
    .await
}

/// A launch of an app for these scopes, by GET.
async fn launch(app: &TestApp, client_id: &str, scope: &str) -> HashMap<String, String> {
    journey(app, ME, &[("client_id", client_id), ("scope", scope)], "GET").await
}

fn exchange(client_id: &str, code: &str, verifier: Option<&str>) -> Request {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("redirect_uri", REDIRECT),
    ];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    post(TOKEN, &form).header("Origin", ORIGIN)
}

/// The tokens of a public app.
async fn tokens(app: &TestApp, scope: &str) -> Value {
    let code = launch(app, "portal", scope).await["code"].clone();
    let answer = app.send(exchange("portal", &code, Some(VERIFIER))).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

fn refresh(token: &Value, scope: Option<&str>) -> Request {
    let mut form = vec![
        ("grant_type", "refresh_token"),
        ("client_id", "portal"),
        ("refresh_token", token["refresh_token"].as_str().unwrap_or_default()),
    ];
    form.extend(scope.map(|scope| ("scope", scope)));
    post(TOKEN, &form).header("Origin", ORIGIN)
}

async fn read(app: &TestApp, path: &str, token: &Value) -> Response {
    let request = Request::new("GET", &format!("/FHIR/R4{path}")).header("Origin", ORIGIN);
    app.send(request.bearer(token["access_token"].as_str().unwrap())).await
}

fn words(value: &Value) -> Vec<&str> {
    value.as_str().unwrap().split(' ').collect()
}

/// The members that every token response has, and its no-store headers.
#[track_caller]
fn assert_token_response(answer: &Response, asked: &str) {
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let body = answer.json();
    assert!(body["access_token"].is_string() && body["expires_in"].is_u64(), "{body}");
    assert!(body["token_type"].as_str().unwrap().eq_ignore_ascii_case("bearer"));
    let asked: Vec<&str> = asked.split(' ').collect();
    assert!(words(&body["scope"]).iter().all(|scope| asked.contains(scope)), "{body}");
    let contexts = body.get("fhirContext").and_then(Value::as_array);
    assert!(contexts.is_none_or(|contexts| contexts.iter().all(Value::is_object)));
}

// covers KIT-D-1, KIT-D-2, KIT-D-3, KIT-D-4, KIT-D-5
#[rstest]
#[actix_rt::test]
async fn smart_configuration_has_the_required_members(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let path = "/FHIR/R4/.well-known/smart-configuration";
    let answer = app.send(Request::new("GET", path).header("Origin", ORIGIN)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let body = answer.json();
    for name in ["authorization_endpoint", "token_endpoint", "issuer", "jwks_uri"] {
        assert!(body[name].as_str().is_some_and(|url| url.starts_with("http")), "{name}");
    }
    let list = |name: &str| -> Vec<String> {
        body[name].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    assert!(list("capabilities").contains(&"sso-openid-connect".to_owned()));
    assert!(!list("capabilities").contains(&"launch-ehr".to_owned()));
    assert!(list("grant_types_supported").contains(&"authorization_code".to_owned()));
    assert_eq!(list("code_challenge_methods_supported"), ["S256"]);
    let metadata = app.send(Request::new("GET", "/FHIR/R4/metadata").header("Origin", ORIGIN)).await;
    let allowed = metadata.header("access-control-allow-origin");
    assert!(metadata.status == 200 && [Some("*"), Some(ORIGIN)].contains(&allowed));
}

// covers KIT-L-2, KIT-L-3, KIT-L-4, KIT-L-5, KIT-L-6, KIT-L-7, KIT-G-11, KIT-G-13
#[rstest]
#[actix_rt::test]
async fn public_client_standalone_launch(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values("GET", "POST")] method: &str,
) {
    let app = start(backend).await;
    let answer = journey(&app, ME, &[("scope", ALL)], method).await;
    assert_eq!((answer["state"].as_str(), answer.get("error")), (STATE, None));
    let answer = app.send(exchange("portal", &answer["code"], Some(VERIFIER))).await;
    assert_eq!(answer.status, 200);
    assert_token_response(&answer, ALL);
    let body = answer.json();
    assert_eq!((&body["patient"], &body["need_patient_banner"]), (&ME.into(), &true.into()));
    assert!(body["refresh_token"].is_string() && body["id_token"].is_string());
    assert_eq!(read(&app, &format!("/Patient/{ME}"), &body).await.json()["id"], ME);
    let style = body["smart_style_url"].as_str().unwrap();
    let path = style.strip_prefix(&format!("http://{}", app.address)).expect("it is here");
    let style = app.send(Request::new("GET", path).header("Origin", ORIGIN)).await;
    assert_eq!((style.status, style.header("access-control-allow-origin")), (200, Some("*")));
    assert!(style.json()["color_background"].is_string());
}

// covers KIT-E-1
#[rstest]
#[actix_rt::test]
async fn ehr_launch_is_invalid_request(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let answer = journey(&app, ME, &[("scope", ALL), ("launch", "xyz")], "GET").await;
    assert_eq!((answer["error"].as_str(), answer.get("code")), ("invalid_request", None));
}

// covers KIT-O-1, KIT-O-2, KIT-O-3, KIT-O-4, KIT-O-5, KIT-O-6
#[rstest]
#[actix_rt::test]
async fn id_token_has_sub_and_a_readable_fhir_user(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let issuer = format!("http://{}", app.address);
    let body = tokens(&app, ALL).await;
    let id_token = body["id_token"].as_str().unwrap();
    let configuration = app.send(Request::new("GET", "/.well-known/openid-configuration")).await.json();
    for name in [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    ] {
        assert!(!configuration[name].is_null(), "{name}");
    }
    let path = configuration["jwks_uri"].as_str().unwrap().strip_prefix(&issuer).unwrap();
    let keys = app.send(Request::new("GET", path)).await.json();
    let head = part(id_token, 0);
    assert_eq!(head["alg"], "RS256");
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).expect("the key");
    let key = DecodingKey::from_jwk(&serde_json::from_value(key.clone()).unwrap()).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["portal"]);
    validation.set_issuer(&[&issuer]);
    validation.validate_exp = false;
    let said = jsonwebtoken::decode::<Value>(id_token, &key, &validation).expect("a signature").claims;
    let now = app.now().timestamp();
    assert!(said["exp"].as_i64().unwrap() > now && said["iat"].as_i64().unwrap() <= now);
    assert!((1..256).contains(&said["sub"].as_str().unwrap().len()));
    assert_eq!(said["nonce"], "a-nonce-of-the-app");
    let user =
        said["fhirUser"].as_str().unwrap().strip_prefix(&format!("{issuer}/FHIR/R4")).expect("of ours");
    let resource = read(&app, user, &body).await;
    assert_eq!(resource.status, 200);
    assert!([Some("*"), Some(ORIGIN)].contains(&resource.header("access-control-allow-origin")));
    let resource = resource.json();
    assert_eq!(
        user,
        format!("/{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
    );
}

// covers KIT-R-1, KIT-R-2, KIT-R-3
#[rstest]
#[actix_rt::test]
async fn refresh_with_and_without_scope(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let first = tokens(&app, ALL).await;
    let second = app.send(refresh(&first, None)).await;
    assert_eq!(second.status, 200);
    assert_token_response(&second, ALL);
    let second = second.json();
    assert_eq!((&second["scope"], &second["patient"]), (&first["scope"], &ME.into()));
    assert_ne!(second["access_token"], first["access_token"]);
    let narrow = "patient/Patient.rs launch/patient";
    let third = app.send(refresh(&second, Some(narrow))).await;
    assert_eq!(third.status, 200);
    assert_token_response(&third, narrow);
    assert_eq!(read(&app, &format!("/Patient/{ME}"), &third.json()).await.status, 200);
}

// covers KIT-B-2, KIT-B-3, KIT-B-4, KIT-B-5, KIT-B-6
#[rstest]
#[actix_rt::test]
async fn backend_service_requires_a_valid_assertion(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let ask = async |grant_type: &str, kind: &str, assertion: &str| {
        let form = [
            ("grant_type", grant_type),
            ("scope", "system/Consent.rs"),
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
        ];
        app.send(post(TOKEN, &form).header("Origin", ORIGIN)).await
    };
    let good = || sign(&ES384, header(&ES384), &assertion_claims(&app));
    assert_eq!(ask("not_a_grant_type", JWT_BEARER, &good()).await.status, 400);
    let status = ask("client_credentials", "not_an_assertion_type", &good()).await.status;
    assert!([400, 401].contains(&status), "{status}");
    let mut claims = assertion_claims(&app);
    claims["iss"] = json!("not_a_client");
    let bad = [sign(&ES384, header(&ES384), &claims), "no.jwt.at_all".to_owned()];
    for bad in &bad {
        let status = ask("client_credentials", JWT_BEARER, bad).await.status;
        assert!([400, 401].contains(&status), "{status}");
    }
    let answer = ask("client_credentials", JWT_BEARER, &good()).await;
    assert_eq!(answer.status, 200);
    assert_token_response(&answer, "system/Consent.rs");
    assert_eq!(read(&app, "/Consent", &answer.json()).await.status, 200);
}

// covers KIT-I-1, KIT-I-2, KIT-I-3
#[rstest]
#[actix_rt::test]
async fn introspection_equals_the_token_response(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let body = tokens(&app, ALL).await;
    let introspect = |token: &str| basic(post("/oauth/introspect", &[("token", token)]), "producer", SECRET);
    let answer = app.send(introspect(body["access_token"].as_str().unwrap())).await;
    assert_eq!(answer.status, 200);
    let worth = answer.json();
    assert_eq!((&worth["active"], &worth["client_id"]), (&true.into(), &"portal".into()));
    assert_eq!((&worth["scope"], &worth["patient"]), (&body["scope"], &body["patient"]));
    assert!(worth["exp"].as_i64().unwrap() >= app.now().timestamp() - 600);
    assert_eq!(worth["iss"], format!("http://{}", app.address));
    assert_eq!(worth["fhirUser"], part(body["id_token"].as_str().unwrap(), 1)["fhirUser"]);
    // Which `sub` it is: `launch_context.rs`.
    assert_eq!(worth["sub"], ME);
    let nothing = app.send(introspect("INVALID_TOKEN_VALUE")).await;
    assert_eq!((nothing.status, nothing.json()), (200, json!({ "active": false })));
}

// covers KIT-G-1, KIT-G-2, KIT-G-3
#[rstest]
#[actix_rt::test]
async fn code_requires_its_verifier_and_client(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let wrong = "a-verifier-that-is-long-enough-and-is-not-the-one";
    for verifier in [None, Some(""), Some(wrong), Some(CHALLENGE)] {
        let code = launch(&app, "portal", ALL).await["code"].clone();
        let status = app.send(exchange("portal", &code, verifier)).await.status;
        assert!([400, 401].contains(&status), "{verifier:?} {status}");
    }
    assert_eq!(app.send(exchange("portal", "BAD_CODE", Some(VERIFIER))).await.status, 400);
    let code = launch(&app, "portal", ALL).await["code"].clone();
    let status = app.send(exchange("BAD_CLIENT_ID", &code, Some(VERIFIER))).await.status;
    assert!([400, 401].contains(&status), "{status}");
    assert_eq!(
        app.send(exchange("portal", &code, Some(VERIFIER))).await.status,
        200,
        "and the app still may"
    );
}

// covers KIT-G-5
#[rstest]
#[actix_rt::test]
async fn authorize_with_a_wrong_aud_issues_no_code(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    for aud in ["https://inferno.healthit.gov/invalid_aud", "", "/FHIR/R4"] {
        let answer = journey(&app, ME, &[("scope", ALL), ("aud", aud)], "GET").await;
        assert!(answer.contains_key("error") && !answer.contains_key("code"), "{aud} {answer:?}");
    }
}

// covers KIT-G-4, KIT-G-6, KIT-G-7
#[rstest]
#[actix_rt::test]
async fn revoked_or_unknown_token_is_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let path = format!("/Patient/{ME}");
    let body = tokens(&app, ALL).await;
    assert_eq!(read(&app, &path, &body).await.status, 200);
    let bare = app.send(Request::new("GET", &format!("/FHIR/R4{path}"))).await;
    assert_eq!(bare.status, 401);
    let status = app.send(refresh(&json!({ "refresh_token": "BAD_REFRESH" }), None)).await.status;
    assert!([400, 401].contains(&status), "{status}");
    let form = [("client_id", "portal"), ("token", body["access_token"].as_str().unwrap())];
    assert_eq!(app.send(post("/oauth/revoke", &form)).await.status, 200);
    assert_eq!(read(&app, &path, &body).await.status, 401);
    let status = app.send(refresh(&body, None)).await.status;
    assert!([400, 401].contains(&status), "{status}");
}

// covers KIT-G-8
#[rstest]
#[actix_rt::test]
async fn scopes_of_version_1_are_granted_and_read(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let body = tokens(&app, "openid fhirUser launch/patient patient/Patient.read patient/Consent.read").await;
    assert!(words(&body["scope"]).iter().any(|scope| scope.starts_with("patient/Patient.")));
    for (path, status) in [
        (format!("/Patient/{ME}"), 200),
        (format!("/Consent?patient={ME}"), 200),
        ("/RelatedPerson".to_owned(), 403),
    ] {
        assert_eq!(read(&app, &path, &body).await.status, status, "{path}");
    }
}

// covers KIT-G-9, KIT-G-12
#[rstest]
#[actix_rt::test]
async fn granted_scopes_are_200_and_others_403(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let body = tokens(&app, "launch/patient patient/Patient.r user/Consent.rs?status=active").await;
    assert_eq!(read(&app, &format!("/Patient/{ME}"), &body).await.status, 200);
    for restricted in ["/Patient", "/RelatedPerson", "/QuestionnaireResponse", "/AuditEvent"] {
        assert_eq!(read(&app, restricted, &body).await.status, 403, "{restricted}");
    }
    let statuses = |bundle: Value| -> Vec<String> {
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["resource"]["status"].as_str().unwrap().to_owned()).collect()
    };
    let granted = statuses(read(&app, "/Consent?_count=100", &body).await.json());
    assert!(!granted.is_empty() && granted.iter().all(|status| status == "active"), "{granted:?}");
    let all = tokens(&app, "user/Consent.rs").await;
    let all = statuses(read(&app, "/Consent?_count=100", &all).await.json());
    assert!(all.len() > granted.len(), "there is something to restrict");
    let other = statuses(read(&app, "/Consent?status=inactive", &body).await.json());
    assert!(other.is_empty(), "{other:?}");
}

// covers KIT-G-10
#[rstest]
#[actix_rt::test]
async fn private_key_jwt_client_launch(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let code = launch(&app, "keyed", ALL).await["code"].clone();
    let mut claims = assertion_claims(&app);
    (claims["iss"], claims["sub"]) = (json!("keyed"), json!("keyed"));
    let assertion = sign(&ES384, header(&ES384), &claims);
    let form = |more: &[(&str, &str)]| {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form.extend(more);
        post(TOKEN, &form).header("Origin", ORIGIN)
    };
    let nameless = app.send(form(&[("client_id", "keyed")])).await;
    assert_eq!(nameless.status, 401);
    let proof = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
    let answer = app.send(form(&proof)).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_token_response(&answer, ALL);
    assert_eq!(read(&app, &format!("/Patient/{ME}"), &answer.json()).await.status, 200);
}
