//! Concurrent requests: a condition that was true when it was checked is true when the write commits.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, Request, TestApp, bodies};

const ROLE: &str = "/FHIR/R4/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722";

/// A RelatedPerson that this API accepts.
fn related_person(proxy: &str, patient: &str) -> Value {
    json!({
        "resourceType": "RelatedPerson",
        "identifier": [{ "system": bodies::NHS, "value": proxy }],
        "patient": { "identifier": { "system": bodies::NHS, "value": patient } },
        "relationship": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "PRN",
        }]}],
    })
}

//
#[rstest]
#[actix_web::test]
async fn concurrent_updates_with_if_match_one_succeeds(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let change = |number: usize| {
        let end = format!("2030-01-{:02}", number % 28 + 1);
        let patch = json!([{ "op": "add", "path": "/provision/period/end", "value": end }]);
        app.send(Request::patch(ROLE, patch).header("If-Match", "W/\"1\""))
    };
    let answers = join_all((0..32).map(change)).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((made, refused), (1, 31));
    let history = app.send(Request::new("GET", &format!("{ROLE}/_history"))).await.json();
    assert_eq!(history["total"], 2);
}

//
#[rstest]
#[actix_web::test]
async fn concurrent_patches_do_not_overwrite_each_other(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let end = json!([{ "op": "add", "path": "/provision/period/end", "value": "2030-01-01" }]);
    let basis = json!([{ "op": "replace", "path": "/policyRule/coding/0", "value": {
        "system": bodies::BASIS_SYSTEM, "code": "consent", "display": "Consent",
    }}]);
    let patches = [app.send(Request::patch(ROLE, end)), app.send(Request::patch(ROLE, basis))];
    let answers = join_all(patches).await;
    let [one, other] = answers.as_slice() else { panic!("two answers") };
    assert_eq!((one.status, other.status), (200, 200), "{} {}", one.json(), other.json());
    let role = app.send(Request::new("GET", ROLE)).await.json();
    assert_eq!(role["provision"]["period"]["end"], "2030-01-01");
    assert_eq!(role["policyRule"]["coding"][0]["code"], "consent");
}

//
#[rstest]
#[actix_web::test]
async fn concurrent_conditional_creates_create_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let condition = "identifier=9000000033&patient:identifier=9000000025";
    let create = |_| {
        let body = related_person("9000000033", "9000000025");
        app.send(Request::post("/FHIR/R4/RelatedPerson", body).header("If-None-Exist", condition))
    };
    let answers = join_all((0..32).map(create)).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let found = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((created, found), (1, 31));
    let all = app.send(Request::new("GET", &format!("/FHIR/R4/RelatedPerson?{condition}"))).await.json();
    assert_eq!(all["total"], 1);
}

/// Sends a transaction again and again, one after the other; how long the slowest took, and what was not 200.
async fn send_in_turn(app: &TestApp, bundles: &[Value], times: usize) -> (Duration, Vec<u16>) {
    let (mut slowest, mut refused) = (Duration::ZERO, Vec::new());
    for at in 0..times {
        let began = Instant::now();
        let answer = app.send(Request::post("/FHIR/R4", &bundles[at % bundles.len()])).await;
        slowest = slowest.max(began.elapsed());
        refused.extend(Some(answer.status).filter(|status| *status != 200));
    }
    (slowest, refused)
}

/// Transactions over the same resources, half of them in the opposite order.
async fn bundles(app: &TestApp) -> [Vec<Value>; 2] {
    let mut related = Vec::new();
    for patient in ["9000000050", "9000000051", "9000000052", "9000000053"] {
        let created =
            app.send(Request::post("/FHIR/R4/RelatedPerson", related_person("9000000111", patient)));
        let created = created.await;
        assert_eq!(created.status, 201, "{}", created.json());
        related.push(created.json());
    }
    let bundle = |active: bool, is_reversed: bool| {
        let mut entries: Vec<Value> = related
            .iter()
            .map(|related| {
                let mut related = related.clone();
                related["active"] = active.into();
                let url = format!("RelatedPerson/{}", related["id"].as_str().expect("an id"));
                json!({ "resource": related, "request": { "method": "PUT", "url": url } })
            })
            .collect();
        if is_reversed {
            entries.reverse();
        }
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
    };
    [false, true].map(|is_reversed| [true, false].map(|active| bundle(active, is_reversed)).to_vec())
}

// FAULT-17
#[rstest]
#[case::two_clients(2, 24, Duration::from_millis(900))]
#[case::sixteen_clients(16, 6, Duration::from_secs(8))]
#[actix_web::test]
async fn transactions_over_the_same_resources_in_opposite_orders_are_all_200(
    #[case] clients: usize,
    #[case] times: usize,
    #[case] longest: Duration,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let orders = bundles(&app).await;
    let answers = join_all((0..clients).map(|at| send_in_turn(&app, &orders[at % 2], times))).await;
    let refused: Vec<u16> = answers.iter().flat_map(|(_, refused)| refused.clone()).collect();
    assert_eq!(refused, Vec::<u16>::new());
    let slowest = answers.iter().map(|(slowest, _)| *slowest).max().expect("a time");
    assert!(slowest < longest, "the slowest took {slowest:?}");
}
