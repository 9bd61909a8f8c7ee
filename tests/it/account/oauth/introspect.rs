//! Introspection, revocation, and pushed authorization requests (LA-10, LA-11, LA-12).

use base::token::digest;
use chrono::TimeDelta;
use rstest::rstest;
use serde_json::json;

use super::kit::{
    CHALLENGE, CHILD, ME, REDIRECT, ROLE, SCOPES, SECRET, TOKEN, basic, many_scopes, post, read, refused,
    start, tokens,
};
use crate::support::{Backend, Request, TestApp, sql};

fn introspect(token: &str) -> Request {
    basic(post("/oauth/introspect", &[("token", token)]), "producer", SECRET)
}

async fn act(server: &TestApp, me: &serde_json::Value) -> serde_json::Value {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "portal"),
        ("subject_token", me["access_token"].as_str().unwrap()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("patient", CHILD),
    ];
    server.send(post(TOKEN, &form)).await.json()
}

/// The state of the grant is read by the statement that reads the role: what ends the grant acts on the next request.
#[rstest]
#[actix_rt::test]
async fn read_of_a_role_with_a_grant_is_one_statement(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(
        "UPDATE roles SET status = 'inactive'",
        "UPDATE grants SET revoked_at = 1",
        "UPDATE people SET standing = 'restricted'"
    )]
    end: &str,
) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let acting = act(&server, &me).await;
    let token = acting["access_token"].as_str().unwrap();
    let path = format!("/FHIR/R4/Consent/{ROLE}");
    let read = async || server.send(Request::new("GET", &path).bearer(token)).await.status;
    assert_eq!(read().await, 200);
    let before = server.store.statements();
    assert_eq!(read().await, 200);
    let statements = 1 + backend.statements_of_an_access();
    assert_eq!(server.store.statements() - before, statements, "one read, and the record");
    sql::execute(&server.database_url(), end);
    assert_eq!(read().await, 401);
}

// covers LA-10
#[rstest]
#[actix_rt::test]
async fn introspection_returns_the_current_state(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let answer = server.send(introspect(me["access_token"].as_str().unwrap())).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let content = answer.json();
    let issuer = format!("http://{}", server.address);
    assert_eq!(
        (&content["active"], &content["client_id"], &content["scope"]),
        (&true.into(), &"portal".into(), &SCOPES.into())
    );
    assert_eq!(
        (&content["sub"], &content["patient"], &content["iss"]),
        (&ME.into(), &ME.into(), &issuer.clone().into())
    );
    assert_eq!(content["exp"], server.now().timestamp() + 300);
    assert_eq!(content["fhirUser"], format!("{issuer}/FHIR/R4/Patient/{ME}"));

    let acting = act(&server, &me).await;
    let token = acting["access_token"].as_str().unwrap();
    let content = server.send(introspect(token)).await.json();
    assert_eq!((&content["sub"], &content["act"]["sub"]), (&CHILD.into(), &ME.into()));
    assert_eq!(
        content["https://fhir.nhs.uk/claims/delegation"]["consent"],
        format!("Consent/{ROLE}/_history/1")
    );
    let before = server.store.statements();
    server.send(introspect(token)).await;
    let statements = 1 + backend.statements_of_an_access();
    assert_eq!(server.store.statements() - before, statements, "one read, and the record");
    sql::execute(
        &server.database_url(),
        &format!("UPDATE roles SET status = 'inactive' WHERE id = '{ROLE}'"),
    );
    assert_eq!(server.send(introspect(token)).await.json(), json!({ "active": false }));
    // The producer and both people are in the audit record, where there were two.
    let sql = "SELECT coalesce(caller_id, '') || ' ' || coalesce(patient, '') || ' ' || coalesce(proxy, '') AS value \
               FROM audit_records WHERE act = 'token-introspected' ORDER BY id";
    let records = sql::values(&server.database_url(), sql);
    let both = format!("producer {CHILD} {ME}");
    assert_eq!(records, [format!("producer {ME} "), both.clone(), both, "producer  ".to_owned()]);
    // The person's own grant stays.
    assert_eq!(server.send(introspect(me["access_token"].as_str().unwrap())).await.json()["active"], true);
}

// covers LA-10
#[rstest]
#[actix_rt::test]
async fn introspection_of_an_invalid_token_is_active_false_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let (access, refresh) = (me["access_token"].as_str().unwrap(), me["refresh_token"].as_str().unwrap());
    let content = server.send(introspect(refresh)).await.json();
    assert_eq!(
        (&content["active"], &content["client_id"], &content["token_type"]),
        (&true.into(), &"portal".into(), &"refresh_token".into())
    );
    for token in ["x", "a.b.c", &access[..access.len() - 3], me["id_token"].as_str().unwrap()] {
        assert_eq!(server.send(introspect(token)).await.json(), json!({ "active": false }));
    }
    let form = [("grant_type", "refresh_token"), ("client_id", "portal"), ("refresh_token", refresh)];
    assert_eq!(server.send(post(TOKEN, &form)).await.status, 200);
    assert_eq!(server.send(introspect(refresh)).await.json(), json!({ "active": false }), "used");
    server.clock.advance(TimeDelta::seconds(300));
    assert_eq!(server.send(introspect(access)).await.json(), json!({ "active": false }), "expired");
}

#[rstest]
#[actix_rt::test]
async fn introspection_requires_a_registered_producer(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let form = [("token", "x")];
    assert_eq!(refused(&server.send(post("/oauth/introspect", &form)).await), (401, "invalid_client".into()));
    let wrong = basic(post("/oauth/introspect", &form), "producer", "wrong");
    assert_eq!(refused(&server.send(wrong).await), (401, "invalid_client".into()));
    let other = basic(post("/oauth/introspect", &form), "web", SECRET);
    assert_eq!(refused(&server.send(other).await), (403, "unauthorized_client".into()));
    let sql = "SELECT caller_id || ' ' || outcome || ' ' || refusal AS value FROM audit_records \
               WHERE act = 'token-introspected' ORDER BY id";
    assert_eq!(sql::values(&server.database_url(), sql), ["web 4 unauthorized_client"]);
    let none = basic(post("/oauth/introspect", &[]), "producer", SECRET);
    assert_eq!(refused(&server.send(none).await), (400, "invalid_request".into()));
}

// covers LA-11
#[rstest]
#[actix_rt::test]
async fn revocation_ends_the_grant_at_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    for which in ["access_token", "refresh_token"] {
        let server = start(backend).await;
        let me = tokens(&server, "portal", SCOPES).await;
        let acting = act(&server, &me).await;
        let (access, other) =
            (me["access_token"].as_str().unwrap(), acting["access_token"].as_str().unwrap());
        // An app cannot revoke another app's token.
        let form = [("token", me[which].as_str().unwrap())];
        let theirs = server.send(basic(post("/oauth/revoke", &form), "web", SECRET)).await;
        assert_eq!(refused(&theirs), (400, "invalid_grant".into()));
        assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 200);
        assert_eq!(read(&server, &format!("/Consent/{ROLE}"), other).await.status, 200);

        let form = [("client_id", "portal"), ("token", me[which].as_str().unwrap())];
        let answer = server.send(post("/oauth/revoke", &form)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
        assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 401);
        assert_eq!(
            read(&server, &format!("/Consent/{ROLE}"), other).await.status,
            401,
            "acting ends with it"
        );
        let refresh = [
            ("grant_type", "refresh_token"),
            ("client_id", "portal"),
            ("refresh_token", me["refresh_token"].as_str().unwrap()),
        ];
        assert_eq!(refused(&server.send(post(TOKEN, &refresh)).await), (400, "invalid_grant".into()));
        assert_eq!(server.send(post("/oauth/revoke", &form)).await.status, 200, "again");
    }
}

#[rstest]
#[actix_rt::test]
async fn revocation_of_an_unknown_token_is_200(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let form = [("client_id", "portal"), ("token", "x"), ("token_type_hint", "nonsense")];
    assert_eq!(server.send(post("/oauth/revoke", &form)).await.status, 200);
    assert_eq!(
        refused(&server.send(post("/oauth/revoke", &form[..1])).await),
        (400, "invalid_request".into())
    );
    assert_eq!(
        refused(&server.send(post("/oauth/revoke", &form[1..])).await),
        (401, "invalid_client".into())
    );
}

const REQUEST: [(&str, &str); 8] = [
    ("client_id", "portal"),
    ("response_type", "code"),
    ("redirect_uri", REDIRECT),
    ("scope", "openid patient/*.rs"),
    ("state", "a&b=c"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("aud", "x"),
];

// covers LA-12
#[rstest]
#[actix_rt::test]
async fn pushed_request_uri_is_single_use_per_client_and_expires_after_a_minute(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let push = async || {
        let answer = server.send(post("/oauth/par", &REQUEST)).await;
        assert_eq!((answer.status, answer.json()["expires_in"].clone()), (201, 60.into()));
        let uri = answer.json()["request_uri"].as_str().unwrap().to_owned();
        assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"));
        digest(&uri)
    };
    let take = async |digest: &str, client_id: &'static str| {
        let (digest, now) = (digest.to_owned(), server.now());
        let taken: Result<_, base::error::Error> =
            server.store.write(move |tx| tx.take_pushed_request(&digest, client_id, now)).await;
        taken.unwrap()
    };
    let one = push().await;
    assert_eq!(take(&one, "web").await, None);
    let parameters = take(&one, "portal").await.unwrap();
    let read: Vec<(String, String)> = form_urlencoded::parse(parameters.as_bytes()).into_owned().collect();
    assert_eq!(read, REQUEST.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(take(&one, "portal").await, None);
    let late = push().await;
    server.clock.advance(TimeDelta::seconds(60));
    assert_eq!(take(&late, "portal").await, None);
}

#[rstest]
#[actix_rt::test]
async fn invalid_pushed_authorization_request_is_rejected(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let many = many_scopes("user", 51);
    for (name, value, error) in [
        ("scope", many.as_str(), "invalid_scope"),
        ("client_id", "nobody", "invalid_client"),
        ("client_id", "web", "invalid_client"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "unsupported_response_type"),
        ("redirect_uri", "http://127.0.0.1:9/cb?x", "invalid_request"),
        ("redirect_uri", "https://evil.example/cb", "invalid_request"),
        ("redirect_uri", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("scope", "patient/Consent.sr", "invalid_scope"),
        ("request_uri", "urn:x", "invalid_request"),
    ] {
        let mut form: Vec<_> = REQUEST.into_iter().filter(|(known, _)| *known != name).collect();
        form.push((name, value));
        assert_eq!(refused(&server.send(post("/oauth/par", &form)).await).1, error, "{name}={value}");
    }
    let count = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM pushed_requests";
    assert_eq!(sql::number(&server.database_url(), count), 0);
}

// covers RS-01
#[rstest]
#[actix_rt::test]
async fn token_signature_is_cached_and_its_grant_is_read_each_time(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let token = me["access_token"].as_str().unwrap();
    let authority = server.authority.clone().expect("there is one");
    let path = format!("/Patient/{ME}");
    for _ in 0..3 {
        assert_eq!(read(&server, &path, token).await.status, 200);
        assert_eq!(authority.signatures_checked(), 1);
    }
    // What is almost the token is not the token.
    let forged = format!("{}A{}", &token[..token.len() - 9], &token[token.len() - 8..]);
    let mangled = if forged == token { token.to_lowercase() } else { forged };
    assert_eq!(read(&server, &path, &mangled).await.status, 401);
    // Its signature is cached, and it is refused the moment that its grant has ended, on both APIs.
    let form = [("client_id", "portal"), ("token", me["refresh_token"].as_str().unwrap())];
    assert_eq!(server.send(post("/oauth/revoke", &form)).await.status, 200);
    assert_eq!(read(&server, &path, token).await.status, 401);
    let other =
        Request::new("GET", "/validated-relationships/FHIR/R4/Consent?performer:identifier=9000000017");
    assert_eq!(server.send(other.with_id().bearer(token)).await.status, 401);
    assert_eq!(server.send(introspect(token)).await.json(), json!({ "active": false }));
    assert_eq!(authority.signatures_checked(), 1, "it was remembered all the time");
    // Nor does the cache extend its life.
    let mine = tokens(&server, "portal", SCOPES).await;
    let token = mine["access_token"].as_str().unwrap();
    assert_eq!(read(&server, &path, token).await.status, 200);
    server.clock.advance(TimeDelta::seconds(300));
    assert_eq!(read(&server, &path, token).await.status, 401);
}
