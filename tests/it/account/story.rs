//! The whole story: a clinical system records a decision, the proxy logs in and acts, the practice suspends
//! the role, and the audit record has all of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::account::{AccessMode, ClientAuthentication, GrantType, Registration, Scopes};
use rstest::rstest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::authorize::{REDIRECT, STATE, registration};
use super::journey::{form, journey};
use super::oauth::kit::VERIFIER;
use crate::fhir::bodies::role;
use crate::fhir::client::{get, patch, post, send, send_well};
use crate::support::{Backend, Options, Request, TestApp, bodies};
use crate::vrs::known::{LONER, PATIENTS};

/// The child of the story.
const PATIENT: &str = PATIENTS[0];
const SCOPES: &str = "openid fhirUser delegation patient/*.rs user/*.rs";

fn epr() -> Registration {
    Registration {
        authentication: ClientAuthentication::Secret { sha256: Sha256::digest("secret of the EPR").into() },
        redirect_uris: Vec::new(),
        grant_types: vec![GrantType::ClientCredentials],
        scopes: Scopes::parse("system/*.cruds").unwrap(),
        ..registration("epr", AccessMode::System)
    }
}

fn portal() -> Registration {
    let grant_types = vec![GrantType::AuthorizationCode, GrantType::TokenExchange];
    Registration { grant_types, ..registration("portal", AccessMode::Citizen) }
}

/// Logs in, approves the app, and returns its code.
async fn log_in(app: &TestApp, person: &str) -> String {
    let answer = journey(app, person, &[("scope", SCOPES)], "GET").await;
    assert_eq!(answer["state"], STATE);
    answer["code"].clone()
}

/// Asks for a token.
async fn token(app: &TestApp, request: Request) -> String {
    let answer = app.send(request).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

// covers PX-02, PX-06, PX-08
#[rstest]
#[actix_web::test]
async fn journey_from_role_creation_to_suspension_with_events_and_audit(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let registrations = vec![epr(), portal()];
    let options = Options { registrations, is_simulating: true, ..Options::default() };
    let app = TestApp::start(backend, options).await;

    // A clinical system records its decision.
    let credentials = STANDARD.encode("epr:secret+of+the+EPR");
    let asked = form("/oauth/token", &[("grant_type", "client_credentials"), ("scope", "system/*.cruds")]);
    let epr = token(&app, asked.header("Authorization", &format!("Basic {credentials}"))).await;
    let role = send_well(&app, post("/Consent", &role(LONER, PATIENT)).bearer(&epr), 201).await;
    let path = format!("/Consent/{}", role["id"].as_str().expect("an id"));

    // The proxy logs in, and sees the patients whom they may act for.
    let code = log_in(&app, LONER).await;
    let redeemed = form(
        "/oauth/token",
        &[
            ("grant_type", "authorization_code"),
            ("client_id", "portal"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ],
    );
    let me = token(&app, redeemed).await;
    let principal = app.send(Request::new("GET", "/oauth/userinfo").bearer(&me)).await.json();
    assert_eq!(principal["delegations"].as_array().map(Vec::len), Some(1), "{principal}");
    assert_eq!(principal["delegations"][0]["consent"], path.trim_start_matches('/'));

    // They exchange the token, and read as the patient.
    let exchange = form(
        "/oauth/token",
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", "portal"),
            ("subject_token", &me),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("patient", PATIENT),
        ],
    );
    let acting = token(&app, exchange.clone()).await;
    let read = get(&format!("/Patient/{PATIENT}"));
    assert_eq!(send_well(&app, read.clone().bearer(&acting), 200).await["id"], PATIENT);

    // The practice suspends the role: the next request is refused, and so is another exchange.
    send_well(&app, patch(&path, &bodies::suspend()).bearer(&epr), 200).await;
    assert_eq!(send(&app, read.bearer(&acting)).await.status, 401);
    assert_eq!(app.send(exchange).await.status, 400);

    // The record has it, with both people.
    let audit = format!("/AuditEvent?patient={PATIENT}&_sort=date&_count=500");
    let audit = send_well(&app, get(&audit).bearer(&epr), 200).await;
    let text = audit["entry"].as_array().expect("records").iter().map(|entry| &entry["resource"]);
    let names = |event: &Value, number: &str| event["entity"].to_string().contains(number);
    let about_both = text.filter(|event| names(event, PATIENT) && names(event, LONER));
    let acts: Vec<String> = about_both
        .map(|event| {
            let code = event["subtype"][0]["code"].as_str().unwrap_or_default();
            format!("{code} {}", event["outcome"].as_str().unwrap_or_default())
        })
        .collect();
    let in_order = ["create 0", "token-exchanged 0", "read 0", "update 0", "read 4"];
    let mut rest = acts.iter();
    assert!(in_order.iter().all(|wanted| rest.any(|act| act == wanted)), "{acts:?}");
    // The proxy's log-in is in their own record.
    let own = send_well(&app, get(&format!("/AuditEvent?patient={LONER}")).bearer(&epr), 200).await;
    assert!(own.to_string().contains("110122"), "{own}");
}
