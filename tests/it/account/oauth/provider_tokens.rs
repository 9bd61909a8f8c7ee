//! The exchange of a provider's id token (RFC 8693): by the apps that the operator names, and once (SEC-14).

use chrono::TimeDelta;
use domain::account::{ClientAuthentication, Registration};
use idp::{ProviderAuthentication, ProviderKind, ProviderSettings, default_vtr};
use rstest::rstest;
use serde_json::{Value, json};

use super::kit::{CHILD, ME, SECRET, TOKEN, app, basic, post, read, refused, secret};
use crate::support::provider::{ScriptedProvider, rsa_keys, sign};
use crate::support::{Backend, Options, Request, Response, TestApp, sql};

/// A server that knows a provider, which lists two clients; the app `first` may exchange the tokens of one of them,
/// `second` those of the other, `none` of neither.
async fn start(backend: Backend) -> (TestApp, ScriptedProvider) {
    let provider = ScriptedProvider::start();
    let settings = ProviderSettings {
        id: "p".to_owned(),
        name: "A provider".to_owned(),
        kind: ProviderKind::NhsLogin { vtr: default_vtr() },
        issuer: provider.issuer.clone(),
        client_id: "our-client".to_owned(),
        authentication: ProviderAuthentication::PrivateKeyJwt,
        scopes: vec!["openid".to_owned()],
        exchange_audiences: vec!["client-1".to_owned(), "client-2".to_owned()],
    };
    let of = |client_id: &str, audiences: &[&str]| Registration {
        exchange_audiences: audiences.iter().map(ToString::to_string).collect(),
        ..app(client_id, secret(SECRET))
    };
    let public = Registration {
        exchange_audiences: vec!["client-1".to_owned()],
        ..app("public", ClientAuthentication::None)
    };
    let registrations =
        vec![of("first", &["client-1"]), of("second", &["client-2"]), of("none", &[]), public];
    let policy = service::policy::AccessPolicy::Tokens(Vec::new());
    let options = Options { policy, registrations, providers: vec![settings], ..Options::default() };
    (TestApp::start(backend, options).await, provider)
}

fn id_token(server: &TestApp, provider: &ScriptedProvider, change: impl FnOnce(&mut Value)) -> String {
    let now = server.now().timestamp();
    let mut claims = json!({
        "iss": provider.issuer, "sub": "subject", "aud": "client-1", "iat": now, "exp": now + 3600,
        "vot": "P9.Cp.Cd", "vtm": "https://x/trustmark", "identity_proofing_level": "P9", "nhs_number": ME,
        "jti": uuid::Uuid::now_v7().to_string(),
    });
    change(&mut claims);
    sign(&rsa_keys()[0], &claims)
}

fn ask(client_id: &str, token: &str) -> Request {
    ask_for(client_id, token, CHILD)
}

fn ask_for(client_id: &str, token: &str, patient: &str) -> Request {
    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("patient", patient),
    ];
    if client_id == "public" {
        form.push(("client_id", client_id));
        return post(TOKEN, &form);
    }
    basic(post(TOKEN, &form), client_id, SECRET)
}

#[track_caller]
fn error(answer: &Response) -> String {
    let (status, error) = refused(answer);
    assert_eq!(status, 400);
    error
}

// SEC-14.
#[rstest]
#[actix_rt::test]
async fn exchange_accepts_id_tokens_of_listed_audiences(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (server, provider) = start(backend).await;
    let grants = || server.count_rows("grants");
    for (client_id, audience, expected) in [
        ("second", json!("client-1"), "invalid_request"),
        ("none", json!("client-1"), "invalid_request"),
        ("first", json!("client-2"), "invalid_request"),
        ("first", json!(["client-1", "client-2"]), "invalid_request"),
        ("first", json!("our-client"), "invalid_request"),
        ("public", json!("client-1"), "unauthorized_client"),
    ] {
        let token = id_token(&server, &provider, |claims| claims["aud"] = audience.clone());
        let answer = server.send(ask(client_id, &token)).await;
        assert_eq!(error(&answer), expected, "{client_id} {audience}");
        assert_eq!(grants(), 0);
    }
    let to_other = id_token(&server, &provider, |claims| claims["azp"] = json!("client-2"));
    assert_eq!(error(&server.send(ask("first", &to_other)).await), "invalid_request");
    let token = id_token(&server, &provider, |_| ());
    let text = server.send(ask("first", &token)).await;
    assert_eq!(text.status, 200, "{}", text.json());
    let access = text.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(read(&server, &format!("/Patient/{CHILD}"), &access).await.status, 200);
    // The grant is a root, of the user whom the provider knows.
    let roots = "SELECT user_id AS value FROM grants WHERE parent_id IS NULL AND user_id IN \
                 (SELECT user_id FROM identities WHERE subject = 'subject')";
    assert_eq!(sql::values(&server.database_url(), roots).len(), 1);
}

// SEC-14.
#[rstest]
#[actix_rt::test]
async fn provider_id_token_is_exchanged_once_per_patient_while_fresh(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (server, provider) = start(backend).await;
    let token = id_token(&server, &provider, |_| ());
    assert_eq!(server.send(ask("first", &token)).await.status, 200);
    assert_eq!(error(&server.send(ask("first", &token)).await), "invalid_request");
    // The same person acts for another patient without another log-in.
    assert_eq!(server.send(ask_for("first", &token, "9000000005")).await.status, 200);
    // A refused token is not used up: for an unknown person, then for the patient.
    let token = id_token(&server, &provider, |_| ());
    let unknown_person = ask_for("first", &token, "9000000042");
    assert_eq!(error(&server.send(unknown_person).await), "invalid_target");
    assert_eq!(server.send(ask("first", &token)).await.status, 200);
    let old = id_token(&server, &provider, |_| ());
    server.clock.advance(TimeDelta::minutes(10));
    assert_eq!(error(&server.send(ask("first", &old)).await), "invalid_request");
    let timeless = id_token(&server, &provider, |claims| claims["iat"] = Value::Null);
    assert_eq!(error(&server.send(ask("first", &timeless)).await), "invalid_request");
}
