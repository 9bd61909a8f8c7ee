//! Each interaction needs its letter, and no other.

use domain::account::Principal;
use domain::account::scope::SERVED;
use domain::proxy::OdsCode;
use rstest::rstest;
use serde_json::json;

use super::{acting, citizen, issuing, system};
use crate::fhir::bodies::{DEFINITIONS, role};
use crate::fhir::client::{get, patch, post, put, request, send, send_well};
use crate::support::{Backend, Request};
use crate::vrs::known::{ACTIVE, LONER, MOTHER, PATIENTS};

fn change() -> serde_json::Value {
    json!([{ "op": "replace", "path": "/provision/period/end", "value": "2027-06-01" }])
}

/// Each interaction with a Consent, with its letter.
fn interactions(held: &serde_json::Value) -> Vec<(&'static str, Request)> {
    let one = format!("/Consent/{ACTIVE}");
    let mut wanted = role(LONER, PATIENTS[14]);
    wanted["status"] = "rejected".into();
    vec![
        ("r", get(&one)),
        ("r", request("HEAD", &one)),
        ("r", get(&format!("{one}/_history/1"))),
        ("r", get(&format!("{one}/_history"))),
        ("r", get(&format!("{one}/$meta"))),
        ("s", get("/Consent?status=active")),
        (
            "s",
            request("POST", "/Consent/_search").header("Content-Type", "application/x-www-form-urlencoded"),
        ),
        ("s", get("/Consent/_history")),
        ("s", get(&format!("/Patient/{}/Consent", PATIENTS[0]))),
        ("u", put(&one, held)),
        ("u", patch(&one, &change())),
        ("c", post("/Consent", &wanted)),
    ]
}

// covers SC-02, SC-09, RS-04
#[rstest]
#[actix_web::test]
async fn each_interaction_requires_its_scope_letter_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let all = app.token(&system(), "system/Consent.cruds").await;
    let held = send_well(&app, get(&format!("/Consent/{ACTIVE}")).bearer(&all), 200).await;
    for permission in ["c", "r", "u", "d", "s"] {
        let token = app.token(&system(), &format!("system/Consent.{permission}")).await;
        for (needed, request) in interactions(&held) {
            let text = format!("{permission} where {needed} is needed");
            let answer = send(&app, request.bearer(&token)).await;
            if needed == permission {
                // A create that the rules refuse was authorized.
                assert!(matches!(answer.status, 200 | 201 | 422), "{text}: {}", answer.status);
                continue;
            }
            assert_eq!(answer.status, 403, "{text}");
            let challenge = answer.header("www-authenticate").expect("a challenge");
            assert!(challenge.contains("error=\"insufficient_scope\""), "{text}: {challenge}");
            assert!(challenge.contains(&format!("Consent.{needed}\"")), "{text}: {challenge}");
        }
    }
}

// covers SC-05
#[rstest]
#[actix_web::test]
async fn conditional_interaction_requires_scope_s(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let condition = format!("patient={}&performer={LONER}", PATIENTS[0]);
    let create = || post("/Consent", &role(LONER, PATIENTS[0])).header("If-None-Exist", &condition);
    let update = || put(&format!("/Consent?{condition}"), &role(LONER, PATIENTS[0]));
    for (scope, request, status) in [
        ("system/Consent.c", create(), 403),
        ("system/Consent.cu", update(), 403),
        ("system/Consent.cs", create(), 201),
        ("system/Consent.us", update(), 200),
    ] {
        let token = app.token(&system(), scope).await;
        let answer = send(&app, request.bearer(&token)).await;
        assert_eq!(answer.status, status, "{scope}: {}", String::from_utf8_lossy(&answer.body));
    }
}

// covers SC-06, S-16
#[rstest]
#[actix_web::test]
async fn chained_search_requires_scopes_of_all_types(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let entries = async |scope: &str, path: &str| {
        let token = app.token(&system(), scope).await;
        let answer = send(&app, get(path).bearer(&token)).await;
        let count = answer.json()["entry"].as_array().map_or(0, Vec::len);
        (answer.status, count)
    };
    let include = format!("/Consent?_id={ACTIVE}&_include=Consent:patient");
    assert_eq!(entries("system/Consent.s", &include).await, (200, 1));
    assert_eq!(entries("system/Consent.s system/Patient.r", &include).await, (200, 2));
    let reverse = format!("/Patient?_id={}&_revinclude=Consent:patient", PATIENTS[0]);
    assert_eq!(entries("system/Patient.s", &reverse).await.1, 1);
    assert!(entries("system/Patient.s system/Consent.rs", &reverse).await.1 > 1);
    for path in ["/Consent?patient.family=a".to_owned(), "/Consent?patient:Patient.identifier=x".to_owned()] {
        assert_eq!(entries("system/Consent.s", &path).await.0, 403, "{path}");
        assert_eq!(entries("system/Consent.s system/Patient.s", &path).await.0, 200, "{path}");
    }
    let has = "/Patient?_has:Consent:patient:status=active";
    assert_eq!(entries("system/Patient.s", has).await.0, 403);
    assert_eq!(entries("system/Patient.s system/Consent.s", has).await.0, 200);
    // Of the whole system, types without a scope are left out.
    let token = app.token(&system(), "system/RelatedPerson.s").await;
    let everything = send_well(&app, get("/?_count=500").bearer(&token), 200).await;
    let kinds = everything["entry"].as_array().expect("entries").iter();
    let kinds: Vec<&str> = kinds.filter_map(|entry| entry["resource"]["resourceType"].as_str()).collect();
    assert!(kinds.contains(&"RelatedPerson") && !kinds.contains(&"Consent") && !kinds.contains(&"Patient"));
}

// covers B-08
#[rstest]
#[actix_web::test]
async fn each_bundle_entry_requires_its_own_scope(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let token = app.token(&system(), "system/Consent.r").await;
    let entry = |url: &str| json!({ "request": { "method": "GET", "url": url } });
    let bundle = |kind: &str| {
        let entries = [entry(&format!("Consent/{ACTIVE}")), entry("Consent?status=active")];
        json!({ "resourceType": "Bundle", "type": kind, "entry": entries })
    };
    let batch = send_well(&app, post("/", &bundle("batch")).bearer(&token), 200).await;
    let status = |number: usize| batch["entry"][number]["response"]["status"].as_str().unwrap_or_default();
    assert!(status(0).starts_with("200") && status(1).starts_with("403"), "{batch}");
    let transaction = send(&app, post("/", &bundle("transaction")).bearer(&token)).await;
    assert_eq!(transaction.status, 403);
}

// covers SC-07, SC-08, SC-11, PX-01
#[rstest]
#[actix_web::test]
async fn patient_scope_is_the_launch_patient_and_user_scope_what_the_user_may_read(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let count = async |scope: &str, path: &str| {
        let token = app.token(&citizen(MOTHER), scope).await;
        let bundle = send_well(&app, get(path).bearer(&token), 200).await;
        bundle["total"].as_u64().expect("a total")
    };
    let mine = format!("/Consent?performer={MOTHER}&_total=accurate");
    let about_me = format!("/Consent?patient={MOTHER}&_total=accurate");
    let all = "/Consent?_total=accurate";
    let (as_proxy, as_patient) = (count("user/*.rs", &mine).await, count("user/*.rs", &about_me).await);
    assert!(as_proxy > 0);
    // A scope for everything is not a permission for everything.
    assert_eq!(count("user/*.cruds __unknown https://other.example/scope", all).await, as_proxy + as_patient);
    assert_eq!(count("patient/*.rs", all).await, as_patient);
    assert_eq!(count("patient/*.rs", &mine).await, 0);
    let write = app.token(&citizen(MOTHER), "user/*.cruds").await;
    let refused = send(&app, post("/Consent", &role(MOTHER, LONER)).bearer(&write)).await;
    assert_eq!(refused.status, 403);
}

// covers USE-10
#[rstest]
#[actix_web::test]
async fn insufficient_scope_403_names_a_sufficient_scope(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let staff =
        || Principal::Staff { name: "555".to_owned(), organisation: Some(OdsCode::parse("A20047").unwrap()) };
    let callers = [("system", system()), ("user", citizen(MOTHER)), ("patient", acting()), ("user", staff())];
    for (context, principal) in callers {
        let other = app.token(&principal, "openid").await;
        for (name, permission, request) in every_type() {
            let refused = send(&app, request.clone().bearer(&other)).await;
            let text = format!("{context} {name}.{permission}");
            assert_eq!(refused.status, 403, "{text}");
            let challenge = refused.header("www-authenticate").expect("a challenge");
            let scope =
                challenge.split("scope=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a scope");
            assert_eq!(scope, format!("{context}/{name}.{permission}"));
            let token = app.token(&principal, &format!("{scope} {context}/{name}.r")).await;
            let answer = send(&app, request.bearer(&token)).await;
            let again = answer.header("www-authenticate").unwrap_or_default();
            assert!(!again.contains("insufficient_scope"), "{text}: {} {again}", answer.status);
            assert!(answer.status == 200 || name == "Subscription", "{text}: {}", answer.status);
        }
    }
}

/// A search of each type that scopes are over.
fn every_type() -> Vec<(&'static str, &'static str, Request)> {
    SERVED
        .iter()
        .filter(|name| !DEFINITIONS.contains(name))
        .map(|name| (*name, "s", get(&format!("/{name}"))))
        .collect()
}
