//! Refresh tokens: single-use, and no wider than the grant (LA-06; Inferno's refresh group).

use chrono::TimeDelta;
use rstest::rstest;

use super::kit::{
    ME, SCOPES, SECRET, TOKEN, basic, claims, code, grant, post, read, redeem, refused, start, tokens,
};
use crate::support::{Backend, Request};

fn refresh(client_id: &str, token: &str, scope: Option<&str>) -> Request {
    let mut form = vec![("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", token)];
    form.extend(scope.map(|scope| ("scope", scope)));
    post(TOKEN, &form)
}

// covers LA-06
#[rstest]
#[actix_rt::test]
async fn refresh_rotates_the_token_and_keeps_the_launch_context(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let first = tokens(&server, "portal", SCOPES).await;
    server.clock.advance(TimeDelta::hours(1));
    let token = first["refresh_token"].as_str().unwrap();
    let answer = server.send(refresh("portal", token, None)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let second = answer.json();
    assert_eq!((&second["patient"], &second["scope"]), (&ME.into(), &SCOPES.into()));
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let narrower = second["refresh_token"].as_str().unwrap();
    let third =
        server.send(refresh("portal", narrower, Some("patient/Patient.r launch/patient"))).await.json();
    assert_eq!(third["scope"], "patient/Patient.r launch/patient");
    assert!(third.get("id_token").is_none());
    let access = third["access_token"].as_str().unwrap();
    assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 200);
    assert_eq!(read(&server, "/Consent", access).await.status, 403);
    // The next one has all scopes of the first again (RFC 6749 §6).
    let widest = server.send(refresh("portal", third["refresh_token"].as_str().unwrap(), None)).await.json();
    assert_eq!(widest["scope"], SCOPES);
}

// covers LA-06
#[rstest]
#[actix_rt::test]
async fn reused_refresh_token_revokes_its_family(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let first = tokens(&server, "portal", SCOPES).await;
    let token = first["refresh_token"].as_str().unwrap();
    let second = server.send(refresh("portal", token, None)).await.json();
    assert_eq!(refused(&server.send(refresh("portal", token, None)).await), (400, "invalid_grant".into()));
    let next = second["refresh_token"].as_str().unwrap();
    assert_eq!(refused(&server.send(refresh("portal", next, None)).await), (400, "invalid_grant".into()));
    let access = second["access_token"].as_str().unwrap();
    assert_eq!(read(&server, &format!("/Patient/{ME}"), access).await.status, 401);
}

#[rstest]
#[actix_rt::test]
async fn refused_refresh_leaves_the_token_valid(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let first = tokens(&server, "portal", "openid offline_access patient/Patient.r").await;
    let token = first["refresh_token"].as_str().unwrap();
    for (client_id, scope, error) in [
        ("portal", Some("patient/Patient.rs"), "invalid_scope"),
        ("portal", Some("patient/Patient.r delegation"), "invalid_scope"),
        ("portal", Some("patient/Patient.sr"), "invalid_scope"),
        ("portal", Some("unknown"), "invalid_scope"),
        ("bound", None, "invalid_dpop_proof"),
    ] {
        let answer = server.send(refresh(client_id, token, scope)).await;
        assert_eq!(refused(&answer), (400, error.into()), "{client_id} {scope:?}");
    }
    let other = post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    assert_eq!(refused(&server.send(basic(other, "web", SECRET)).await), (400, "invalid_grant".into()));
    assert_eq!(
        refused(&server.send(refresh("portal", "unknown", None)).await),
        (400, "invalid_grant".into())
    );
    assert_eq!(server.send(refresh("portal", token, None)).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn refresh_token_is_invalid_after_its_grant_ends(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let grant = grant(&server, "portal", SCOPES).await;
    let body = server.send(redeem("portal", &code(&server, &grant).await)).await.json();
    let token = body["refresh_token"].as_str().unwrap();
    assert!(claims(&body["access_token"])["exp"].is_i64());
    let (id, now) = (grant.id, server.now());
    let ended: Result<_, base::error::Error> = server.store.write(move |tx| tx.revoke_grant(id, now)).await;
    ended.unwrap();
    assert_eq!(refused(&server.send(refresh("portal", token, None)).await), (400, "invalid_grant".into()));
}
