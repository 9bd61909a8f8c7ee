//! Bodies: arbitrary, damaged, and arbitrarily broken, at every operation that takes one and at those
//! that do not.

use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::document::{damaged, tree, with_broken_bytes};
use super::{CASES, OPERATIONS, Operation, assert_alive, exchange, for_all, judge, server};
use crate::support::{Backend, TestApp, bodies};

async fn refuses_or_accepts(app: &TestApp, operation: Operation, body: &[u8]) -> Result<(), String> {
    let request = operation.request(operation.query.as_bytes(), &[], body);
    let answer = exchange(app.address, &request).await.ok_or("no answer")?;
    judge(operation.method, &answer).map_err(|why| {
        format!("{} {}: {why}\nbody: {}", operation.method, operation.path, String::from_utf8_lossy(body))
    })
}

async fn all_operations_stand(app: &TestApp, cases: u32, body: impl Strategy<Value = Vec<u8>> + Clone) {
    for operation in OPERATIONS {
        let holds = async |body: Vec<u8>| refuses_or_accepts(app, operation, &body).await;
        for_all(cases, body.clone(), holds).await;
    }
    assert_alive(app).await;
}

/// Valid bodies of every kind.
fn valid() -> Vec<Value> {
    let ends = bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING");
    let other = bodies::reason_with_text("OTHER", "moved away");
    vec![
        bodies::consent("9000000017", "9000000033"),
        bodies::access_request("9000000017", "9000000025"),
        bodies::move_to("inactive", &[ends]),
        bodies::move_to("active", &[other, bodies::grantor("A20047")]),
        json!([
            { "op": "replace", "path": "/provision/period/end", "value": "2030-01-31" },
            { "op": "add", "path": "/provision/actor", "value": [{ "reference": bodies::person("9991001018") }] },
            { "op": "replace", "path": "/policyRule", "value": { "coding": [
                { "system": bodies::BASIS_SYSTEM, "code": "consent" },
            ]}},
        ]),
        json!([{ "op": "remove", "path": "/provision/period/end" }]),
    ]
}

/// The valid bodies that an operation is meant for.
fn valid_for(operation: Operation) -> Vec<Value> {
    let all = valid();
    match (operation.method, operation.path) {
        ("POST", "/Consent") => all[..1].to_vec(),
        ("POST", _) => all[1..2].to_vec(),
        _ => all[2..].to_vec(),
    }
}

#[actix_web::test]
async fn any_json_tree_is_2xx_or_4xx() {
    let app = server().await;
    let body = tree().prop_map(|tree| tree.render().into_bytes());
    all_operations_stand(&app, CASES, body.boxed()).await;
}

#[actix_web::test]
async fn any_body_bytes_are_2xx_or_4xx() {
    let app = server().await;
    all_operations_stand(&app, CASES, vec(any::<u8>(), 0..600)).await;
}

#[actix_web::test]
async fn valid_body_at_another_operation_is_2xx_or_4xx() {
    let app = server().await;
    for operation in OPERATIONS {
        for body in valid() {
            refuses_or_accepts(&app, operation, body.to_string().as_bytes()).await.unwrap();
        }
    }
    assert_alive(&app).await;
}

#[rstest]
#[actix_web::test]
async fn mutated_body_is_2xx_or_4xx(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    for operation in OPERATIONS.into_iter().filter(|operation| operation.content_type.is_some()) {
        let holds = async |body: String| refuses_or_accepts(&app, operation, body.as_bytes()).await;
        for_all(2 * CASES, damaged(valid_for(operation)), holds).await;
    }
    assert_alive(&app).await;
}

#[actix_web::test]
async fn body_with_broken_bytes_is_2xx_or_4xx() {
    let app = server().await;
    for operation in OPERATIONS.into_iter().filter(|operation| operation.content_type.is_some()) {
        let body = with_broken_bytes(damaged(valid_for(operation)));
        for_all(CASES, body, async |body: Vec<u8>| refuses_or_accepts(&app, operation, &body).await).await;
    }
    assert_alive(&app).await;
}
