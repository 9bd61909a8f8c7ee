//! A grant is revoked with every grant exchanged from it, by every kind of revocation (SEC-8).

use base::error::Error;
use chrono::{DateTime, Utc};
use domain::account::Grant;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::Value;
use service::account::revoke::revoke_grants_of_user;
use uuid::Uuid;

use super::kit::{
    CHILD, ME, SCOPES, SECRET, TOKEN, basic, claims, code, grant, post, read, redeem, refused, start,
};
use crate::support::{Backend, Request, TestApp, sql};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

fn exchange(token: &str) -> Request {
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", "portal"),
        ("subject_token", token),
        ("subject_token_type", ACCESS),
        ("patient", CHILD),
    ];
    post(TOKEN, &form)
}

fn refresh(token: &str) -> Request {
    post(TOKEN, &[("grant_type", "refresh_token"), ("client_id", "portal"), ("refresh_token", token)])
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// A log-in with what was exchanged from it, by a server.
struct Scene {
    server: TestApp,
    grant: Grant,
    code: String,
    own: Value,
    acting: String,
}

impl Scene {
    async fn start(backend: Backend) -> Self {
        let server = start(backend).await;
        let grant = grant(&server, "portal", SCOPES).await;
        let code = code(&server, &grant).await;
        let own = server.send(redeem("portal", &code)).await.json();
        let acting = server.send(exchange(text(&own["access_token"]))).await;
        assert_eq!(acting.status, 200, "{}", acting.json());
        let acting = text(&acting.json()["access_token"]).to_owned();
        Self { server, grant, code, own, acting }
    }

    /// The response of each endpoint that takes a token to the acting one: R4, VRS, introspection.
    async fn answers(&self) -> (u16, u16, Value) {
        let server = &self.server;
        let r4 = read(server, &format!("/Patient/{CHILD}"), &self.acting).await.status;
        let path = "/validated-relationships/FHIR/R4/RelatedPerson";
        let vrs = Request::new("GET", &format!("{path}?identifier={ME}&patient:identifier={CHILD}"));
        let vrs = server.send(vrs.with_id().bearer(&self.acting)).await.status;
        let ask = basic(post("/oauth/introspect", &[("token", &self.acting)]), "producer", SECRET);
        (r4, vrs, server.send(ask).await.json()["active"].clone())
    }
}

/// The kinds of revocation of the person's own grant.
#[derive(Clone, Copy, Debug)]
enum Way {
    CodeReplay,
    RefreshReplay,
    Revocation,
    RevocationOfRefreshToken,
    LogOut,
    LogOutEverywhere,
    AllOfTheUser,
}

async fn end(scene: &Scene, way: Way) {
    let Scene { server, grant, code, own, .. } = scene;
    let (access, token) = (text(&own["access_token"]), text(&own["refresh_token"]));
    match way {
        Way::CodeReplay => {
            assert_eq!(refused(&server.send(redeem("portal", code)).await).1, "invalid_grant");
        }
        Way::RefreshReplay => {
            assert_eq!(server.send(refresh(token)).await.status, 200);
            assert_eq!(refused(&server.send(refresh(token)).await).1, "invalid_grant");
        }
        Way::Revocation | Way::RevocationOfRefreshToken => {
            let shown = if matches!(way, Way::Revocation) { access } else { token };
            let form = [("client_id", "portal"), ("token", shown)];
            assert_eq!(server.send(post("/oauth/revoke", &form)).await.status, 200);
        }
        Way::LogOut | Way::LogOutEverywhere => {
            let place = if matches!(way, Way::LogOut) { "here" } else { "everywhere" };
            let form = [("id_token_hint", text(&own["id_token"])), ("where", place)];
            assert_eq!(server.send(post("/oauth/log-out/confirm", &form)).await.status, 200);
        }
        Way::AllOfTheUser => {
            let (user, now) = (grant.user.expect("a user"), server.now());
            let ended: Result<usize, Error> =
                server.store.write(move |tx| revoke_grants_of_user(tx, user, None, now)).await;
            assert_eq!(ended.expect("the database answers"), 1, "the children end with their parent");
        }
    }
}

// SEC-8.
#[rstest]
#[actix_rt::test]
async fn every_revocation_revokes_exchanged_grants_too(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(
        Way::CodeReplay,
        Way::RefreshReplay,
        Way::Revocation,
        Way::RevocationOfRefreshToken,
        Way::LogOut,
        Way::LogOutEverywhere,
        Way::AllOfTheUser
    )]
    way: Way,
) {
    let scene = Scene::start(backend).await;
    assert_eq!(scene.answers().await, (200, 200, true.into()));
    end(&scene, way).await;
    assert_eq!(scene.answers().await, (401, 401, false.into()), "{way:?}");
    let Scene { server, own, .. } = &scene;
    let access = text(&own["access_token"]);
    assert_eq!(read(server, &format!("/Patient/{ME}"), access).await.status, 401);
    assert_eq!(refused(&server.send(exchange(access)).await).0, 400);
    assert_eq!(refused(&server.send(refresh(text(&own["refresh_token"]))).await).1, "invalid_grant");
    let userinfo = Request::new("GET", "/oauth/userinfo").bearer(access);
    assert_eq!(server.send(userinfo).await.status, 401);
    let live = "SELECT id AS value FROM grants WHERE revoked_at IS NULL";
    assert_eq!(sql::values(&server.database_url(), live), Vec::<String>::new());
}

// SEC-8.
#[rstest]
#[actix_rt::test]
async fn revoked_acting_grant_leaves_its_parent_active(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let scene = Scene::start(backend).await;
    let form = [("client_id", "portal"), ("token", scene.acting.as_str())];
    assert_eq!(scene.server.send(post("/oauth/revoke", &form)).await.status, 200);
    assert_eq!(scene.answers().await, (401, 401, false.into()));
    let access = text(&scene.own["access_token"]);
    assert_eq!(read(&scene.server, &format!("/Patient/{ME}"), access).await.status, 200);
    assert_eq!(scene.server.send(exchange(access)).await.status, 200);
}

// SEC-8, SEC-22.
#[rstest]
#[actix_rt::test]
async fn code_or_token_reuse_by_another_app_revokes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let scene = Scene::start(backend).await;
    let Scene { server, code, own, .. } = &scene;
    let again = post(TOKEN, &[("grant_type", "authorization_code"), ("code", code)]);
    assert_eq!(refused(&server.send(basic(again, "web", SECRET)).await).1, "invalid_grant");
    let token = text(&own["refresh_token"]);
    let shown = post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    assert_eq!(refused(&server.send(basic(shown, "web", SECRET)).await).1, "invalid_grant");
    let given_back = basic(post("/oauth/revoke", &[("token", token)]), "web", SECRET);
    assert_eq!(refused(&server.send(given_back).await).1, "invalid_grant");
    assert_eq!(scene.answers().await, (200, 200, true.into()));
    assert_eq!(server.send(refresh(token)).await.status, 200);
}

// SEC-8.
#[rstest]
#[actix_rt::test]
async fn exchange_concurrent_with_revocation_leaves_no_active_grant(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    for round in 0..8 {
        let grant = grant(&server, "portal", SCOPES).await;
        let own = server.send(redeem("portal", &code(&server, &grant).await)).await.json();
        let access = text(&own["access_token"]);
        let ask = |at: usize| {
            if at == round {
                post("/oauth/revoke", &[("client_id", "portal"), ("token", access)])
            } else {
                exchange(access)
            }
        };
        let answers = join_all((0..10).map(|at| server.send(ask(at)))).await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 400)), "{round}");
        let live = format!(
            "SELECT id AS value FROM grants WHERE revoked_at IS NULL AND (id = '{0}' OR parent_id = '{0}')",
            grant.id
        );
        assert_eq!(sql::values(&server.database_url(), &live), Vec::<String>::new(), "{round}");
    }
    let children = "SELECT id AS value FROM grants WHERE parent_id IS NOT NULL";
    assert!(!sql::values(&server.database_url(), children).is_empty(), "some were exchanged before");
}

// SEC-8.
#[rstest]
#[actix_rt::test]
async fn descendant_grants_are_revoked_at_any_depth(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let root = grant(&server, "portal", SCOPES).await;
    let mut chain = vec![root.id];
    for _ in 0..5 {
        let child = Grant { id: Uuid::now_v7(), parent: chain.last().copied(), ..root.clone() };
        super::kit::keep(&server, child.clone()).await;
        chain.push(child.id);
    }
    let other = grant(&server, "portal", SCOPES).await;
    let (middle, now) = (chain[2], server.now());
    assert!(revoke(&server, middle, now).await);
    assert!(!revoke(&server, middle, now).await, "it was revoked before");
    let state = |id: Uuid| server.look(move |tx| tx.find_grant_state(id));
    for (depth, id) in chain.iter().enumerate() {
        assert_eq!(state(*id).await.expect("a grant").revoked_at.is_some(), depth >= 2, "{depth}");
    }
    assert!(state(other.id).await.expect("a grant").revoked_at.is_none());
    // The id token identifies its grant.
    let own = server.send(redeem("portal", &code(&server, &other).await)).await.json();
    assert_eq!(claims(&own["id_token"])["sid"], other.id.to_string());
}

async fn revoke(server: &TestApp, id: Uuid, now: DateTime<Utc>) -> bool {
    let revoked: Result<bool, Error> = server.store.write(move |tx| tx.revoke_grant(id, now)).await;
    revoked.expect("the database answers")
}
