//! The grants that subscriptions depend on, and when subscriptions end (SEC-9; domain decision 2).

use base::date_time::{render_instant, to_millis};
use base::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use rstest::rstest;
use serde_json::Value;
use service::access;
use service::policy::AccessPolicy;
use store::RetentionPolicy;

use super::{backport, heard, id_of, kept, number_all};
use crate::account::oauth::kit::{
    self, CHILD, ROLE, SCOPES, TOKEN, assertion_claims, backend as ask_backend, header, sign,
};
use crate::fhir::client::{post, put, request, resource};
use crate::support::{Backend, Options, TestApp, bodies, sql};

/// A server that knows the apps of the kit, and accepts requests without a token as well.
async fn start(backend: Backend) -> TestApp {
    let options = Options { registrations: kit::apps(), policy: AccessPolicy::Open, ..Options::default() };
    TestApp::start(backend, options).await
}

async fn exchange(app: &TestApp, own: &Value) -> Value {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "portal"),
        ("subject_token", own["access_token"].as_str().unwrap()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("patient", CHILD),
    ];
    app.send(kit::post(TOKEN, &form)).await.json()
}

async fn subscribe_with(app: &TestApp, token: &Value, body: &Value) -> Value {
    number_all(app).await;
    let answer = app.send(post("/Subscription", body).bearer(token["access_token"].as_str().unwrap())).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    resource(&answer)
}

/// Whether the grant of a subscription's owner stands now.
async fn stands(app: &TestApp, id: &str) -> bool {
    let (owner, now) = (kept(app, id).await.value.owner, app.now());
    let checked: Result<(), Error> =
        app.store.read(move |tx| access::check_granted(tx, &owner, now).map_err(Error::from)).await;
    checked.is_ok()
}

async fn change_role(app: &TestApp) {
    let path = format!("/Consent/{ROLE}");
    let is_active = app.get(&path).await.json()["entry"][0]["resource"]["status"] == "active";
    let (status, reason) = if is_active {
        ("inactive", "ROLE_DEACTIVATED_SAFEGUARDING")
    } else {
        ("active", "ROLE_REACTIVATED")
    };
    let change = bodies::move_to(status, &[bodies::reason(reason), bodies::grantor("A20047")]);
    assert_eq!(app.patch(&path, change).await.status, 200);
}

fn end_of(resource: &Value) -> DateTime<Utc> {
    resource["end"].as_str().expect("an end").parse().expect("an instant")
}

/// The same to the millisecond, as the database keeps it.
fn kept_as(at: DateTime<Utc>) -> DateTime<Utc> {
    base::date_time::from_millis(to_millis(at))
}

// SEC-9.
#[rstest]
#[actix_web::test]
async fn subscription_of_a_citizen_ends_with_their_grant(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let grant = kit::grant(&app, "portal", SCOPES).await;
    let own = app.send(kit::redeem("portal", &kit::code(&app, &grant).await)).await.json();
    let end = kept_as(grant.expires_at);
    let body = backport("proxy-role", "id-only", &[]);
    let with_end = |at: DateTime<Utc>| {
        let mut body = body.clone();
        body["end"] = render_instant(at).into();
        body
    };
    let subscription = subscribe_with(&app, &own, &body).await;
    assert_eq!(end_of(&subscription), end);
    let later = subscribe_with(&app, &own, &with_end(end + TimeDelta::days(9))).await;
    assert_eq!(end_of(&later), end, "no later than what was granted");
    let earlier = end - TimeDelta::hours(5);
    let earlier_one = subscribe_with(&app, &own, &with_end(earlier)).await;
    assert_eq!(end_of(&earlier_one), earlier);
    // The read is rolled back.
    let again = put(&format!("/Subscription/{}", id_of(&later)), &later)
        .bearer(own["access_token"].as_str().unwrap());
    assert_eq!(app.send(again).await.status, 200);
    // Without a token it continues until then.
    let id = id_of(&subscription);
    app.clock.advance(TimeDelta::hours(1));
    change_role(&app).await;
    assert_eq!(heard(&app, &id).await.len(), 1);
    app.clock.advance(TimeDelta::hours(23));
    assert!(!stands(&app, &id).await);
    change_role(&app).await;
    assert_eq!(heard(&app, &id).await.len(), 1, "nothing after the end");
}

// SEC-9.
#[rstest]
#[actix_web::test]
async fn subscription_of_a_proxy_ends_with_the_parent_grant_or_the_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let grant = kit::grant(&app, "portal", SCOPES).await;
    let own = app.send(kit::redeem("portal", &kit::code(&app, &grant).await)).await.json();
    let body = backport("proxy-role", "id-only", &[]);
    let subscription = subscribe_with(&app, &exchange(&app, &own).await, &body).await;
    assert_eq!(end_of(&subscription), kept_as(grant.expires_at), "not with its token");
    let role_end = app.now() + TimeDelta::hours(3);
    sql::execute(
        &app.database_url(),
        &format!("UPDATE roles SET end_at = {} WHERE id = '{ROLE}'", to_millis(role_end)),
    );
    let shorter = subscribe_with(&app, &exchange(&app, &own).await, &body).await;
    assert_eq!(end_of(&shorter), kept_as(role_end));
    let id = id_of(&subscription);
    app.clock.advance(TimeDelta::hours(2));
    assert!(stands(&app, &id).await);
    app.clock.advance(TimeDelta::hours(2));
    assert!(!stands(&app, &id).await, "the role has ended");
}

// SEC-8, SEC-9.
#[rstest]
#[actix_web::test]
async fn revoked_grant_ends_subscriptions_of_exchanged_grants_at_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let grant = kit::grant(&app, "portal", SCOPES).await;
    let own = app.send(kit::redeem("portal", &kit::code(&app, &grant).await)).await.json();
    let body = backport("proxy-role", "id-only", &[]);
    let first = id_of(&subscribe_with(&app, &own, &body).await);
    let second = id_of(&subscribe_with(&app, &exchange(&app, &own).await, &body).await);
    sql::execute(&app.database_url(), "UPDATE deliveries SET due_at = NULL");
    let (id, now) = (grant.id, app.now());
    let revoked: Result<bool, Error> = app.store.write(move |tx| tx.revoke_grant(id, now)).await;
    assert!(revoked.expect("the database answers"));
    assert!(!stands(&app, &first).await && !stands(&app, &second).await);
    assert_eq!(app.count_rows("deliveries WHERE due_at IS NOT NULL"), 2, "the delivery worker ends them");
    change_role(&app).await;
    assert!(heard(&app, &first).await.is_empty() && heard(&app, &second).await.is_empty());
}

// SEC-9.
#[rstest]
#[actix_web::test]
async fn subscription_of_a_system_outlives_its_token(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let assertion = sign(&kit::ES256, header(&kit::ES256), &assertion_claims(&app));
    let token = app.send(ask_backend(&assertion, "system/*.cruds")).await.json();
    let subscription = subscribe_with(&app, &token, &backport("proxy-role", "id-only", &[])).await;
    assert!(subscription.get("end").is_none(), "{subscription}");
    app.clock.advance(TimeDelta::days(400));
    let id = id_of(&subscription);
    assert!(stands(&app, &id).await);
    change_role(&app).await;
    assert_eq!(heard(&app, &id).await.len(), 1);
}

// SEC-9.
#[rstest]
#[actix_web::test]
async fn grant_of_an_ended_subscription_is_purged(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let own = kit::tokens(&app, "portal", SCOPES).await;
    let id = id_of(&subscribe_with(&app, &own, &backport("proxy-role", "id-only", &[])).await);
    sql::execute(&app.database_url(), "DELETE FROM codes; DELETE FROM refresh_tokens;");
    let long_after = app.now() + TimeDelta::days(100);
    let purge = || async {
        let done: Result<usize, Error> =
            app.store.write(move |tx| tx.delete_expired(RetentionPolicy::Grants, long_after, 100)).await;
        done.expect("the database answers")
    };
    assert_eq!(purge().await, 0, "the subscription is live");
    sql::execute(
        &app.database_url(),
        &format!("UPDATE subscriptions SET status = 'error' WHERE id = '{id}'"),
    );
    assert_eq!(purge().await, 1);
    assert!(!stands(&app, &id).await);
}

// SEC-8.
#[rstest]
#[actix_web::test]
async fn binding_token_is_revoked_with_its_grant(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let grant = kit::grant(&app, "portal", SCOPES).await;
    let own = app.send(kit::redeem("portal", &kit::code(&app, &grant).await)).await.json();
    let mut body = backport("proxy-role", "id-only", &[]);
    body["channel"]["type"] = "websocket".into();
    for name in ["endpoint", "header"] {
        body["channel"].as_object_mut().unwrap().remove(name);
    }
    let id = id_of(&subscribe_with(&app, &own, &body).await);
    let ask = request("POST", &format!("/Subscription/{id}/$get-ws-binding-token"));
    let answer = app.send(ask.bearer(own["access_token"].as_str().unwrap())).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(app.count_rows("binding_tokens"), 1);
    let (id, now) = (grant.id, app.now());
    let revoked: Result<bool, Error> = app.store.write(move |tx| tx.revoke_grant(id, now)).await;
    assert!(revoked.expect("the database answers"));
    assert_eq!(app.count_rows("binding_tokens"), 0);
}
