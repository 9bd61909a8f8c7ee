//! What shapes an answer: order, number, total, summary, elements, links, and what is not understood.

use rstest::rstest;
use serde_json::Value;

use super::{ROLE, assert_refused, bundle, entries, get, link};
use crate::support::{Backend, Request, TestApp};

// covers S-12
#[rstest]
#[actix_web::test]
async fn results_come_in_the_order_asked_for(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let sorted = "Consent?patient=9000000009,9000000005&_sort=patient,-consentor";
    let found = bundle(&app, sorted).await;
    let starts: Vec<String> = entries(&found, "match").iter().map(|name| name[8..12].to_owned()).collect();
    assert_eq!(starts, ["e798", "4cc4", "74ee", "e4dd", "39df", "986b"]);
    let eldest = bundle(&app, "Patient?_sort=birthdate&_count=2").await;
    assert_eq!(entries(&eldest, "match"), ["Patient/9000000008", "Patient/9000000100"]);
    let strict = Request::new("GET", "/FHIR/R4/Consent?_sort=nonsense");
    assert_eq!(app.send(strict.clone()).await.status, 200);
    assert_eq!(app.send(strict.header("Prefer", "handling=strict")).await.status, 400);
}

// covers S-03, S-10, S-11
#[rstest]
#[actix_web::test]
async fn the_total_counts_matches_and_a_page_holds_no_more_than_asked(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let none = Value::Null;
    for (query, total, shown) in [
        ("Consent", Value::from(32), 32),
        ("Consent?_total=none", none.clone(), 32),
        ("Consent?_count=3", none, 3),
        ("Consent?_count=3&_total=accurate", 32.into(), 3),
        ("Consent?_count=3&_total=estimate", 32.into(), 3),
        ("Consent?_count=0", 32.into(), 0),
        ("Consent?_summary=count", 32.into(), 0),
        ("Consent?patient=9000000009&_include=Consent:patient", 3.into(), 3),
        ("Consent?patient=1234567890", 0.into(), 0),
        ("Consent?status=impossible", 0.into(), 0),
        ("Person", 0.into(), 0),
    ] {
        let found = bundle(&app, query).await;
        assert_eq!(found["total"], total, "{query}");
        assert_eq!(entries(&found, "match").len(), shown, "{query}");
        for entry in found["entry"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let (kind, id) = (&entry["resource"]["resourceType"], &entry["resource"]["id"]);
            let url = format!(
                "http://{}/FHIR/R4/{}/{}",
                app.address,
                kind.as_str().expect("a type"),
                id.as_str().expect("an id")
            );
            assert_eq!(entry["fullUrl"], url, "{query}");
        }
    }
    let refused =
        ["Consent?_count=-1", "Consent?_count=many", "Consent?_total=some", "Consent?_summary=some"];
    assert_refused(&app, 400, &refused).await;
}

// covers S-13, S-14
#[rstest]
#[actix_web::test]
async fn a_part_of_a_resource_is_marked_as_such(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let subsetted = |resource: &Value| {
        resource["meta"]["tag"][0]["code"] == "SUBSETTED"
            && resource["meta"]["tag"][0]["system"]
                == "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
    };
    for (query, there, gone, is_part) in [
        ("_summary=true", &["status", "scope", "patient", "performer"][..], &[][..], true),
        ("_summary=text", &["status", "scope", "category", "policyRule"], &["performer", "provision"], true),
        ("_summary=data", &["status", "performer", "provision"], &["text"], true),
        ("_summary=false", &["status", "performer", "provision"], &[], false),
        (
            "_elements=patient",
            &["patient", "status", "scope", "policyRule"],
            &["performer", "provision"],
            true,
        ),
        (
            "_elements=performer,dateTime",
            &["performer", "dateTime", "status"],
            &["patient", "provision"],
            true,
        ),
    ] {
        let found = bundle(&app, &format!("Consent?_id={ROLE}&{query}")).await;
        let resource = &found["entry"][0]["resource"];
        assert!(there.iter().all(|name| resource.get(name).is_some()), "{query}: {resource}");
        assert!(gone.iter().all(|name| resource.get(name).is_none()), "{query}: {resource}");
        assert_eq!(subsetted(resource), is_part, "{query}: {resource}");
    }
}

// covers S-04, S-06, S-08
#[rstest]
#[actix_web::test]
async fn the_self_link_shows_what_was_used_and_only_that(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let page = bundle(&app, "Consent?status=active&nothing=1&patient=&_count=50").await;
    assert_eq!(link(&app, &page, "self").as_deref(), Some("Consent?status=active&_count=50"));
    assert_eq!(page["total"], 20);
    let page = bundle(&app, "?_type=Consent,Consent&_format=json").await;
    assert_eq!(page["total"], 32);
    let of_self = link(&app, &page, "self").expect("a link");
    assert_eq!(bundle(&app, &of_self).await["total"], 32, "{of_self}");

    let strict =
        |path: &str| Request::new("GET", &format!("/FHIR/R4/{path}")).header("Prefer", "handling=strict");
    for path in ["Consent?nothing=1", "Consent?_include=Consent:nothing", "Consent?_include=Nothing:patient"]
    {
        assert_eq!(get(&app, path).await.status, 200, "{path}");
        let answer = app.send(strict(path)).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{path}");
    }
    assert_refused(&app, 400, &["Consent?_count:exact=1", "Consent?_sort:not=patient"]).await;
}

// covers S-01
#[rstest]
#[actix_web::test]
async fn a_posted_search_finds_what_the_same_search_by_get_finds(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for (url, form, same) in [
        ("Consent/_search", "patient=9000000009&status=active", "Consent?patient=9000000009&status=active"),
        ("Consent/_search?status=active", "patient=9000000009", "Consent?status=active&patient=9000000009"),
        ("_search", "_type=Consent&patient=9000000009", "?_type=Consent&patient=9000000009"),
        ("Patient/9000000009/Consent/_search", "status=active", "Patient/9000000009/Consent?status=active"),
        ("Consent/_search", "", "Consent"),
    ] {
        let request = Request::new("POST", &format!("/FHIR/R4/{url}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        let answer = app.send(request).await;
        assert_eq!(answer.status, 200, "{url}");
        let (posted, got) = (answer.json(), bundle(&app, same).await);
        assert!(!entries(&posted, "match").is_empty(), "{url}");
        assert_eq!(posted["entry"], got["entry"], "{url}");
        assert_eq!(posted["total"], got["total"], "{url}");
        assert_eq!(posted["link"], got["link"], "{url}");
    }
}
