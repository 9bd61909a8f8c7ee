//! Result parameters: order, count, total, summary, elements, links, and unknown parameters.

use rstest::rstest;
use serde_json::Value;

use super::{ROLE, all_pages, assert_refused, bundle, entries, get, link};
use crate::support::{Backend, Request, TestApp};

// covers S-12
#[rstest]
#[actix_web::test]
async fn search_results_follow_sort(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
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

// covers S-04, S-12
#[rstest]
#[actix_web::test]
async fn unsupported_sort_key_is_dropped_from_the_self_link(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for (query, of_self) in [
        ("Consent?_sort=nonsense&_count=3", "Consent?_count=3"),
        ("Consent?_sort=patient,-nonsense,-consentor&_count=3", "Consent?_sort=patient,-consentor&_count=3"),
        ("Consent?_sort=action", "Consent"),
        ("Patient?_sort=family,nonsense,birthdate", "Patient?_sort=family,birthdate"),
        ("?_type=Consent,Patient&_sort=birthdate", "?_type=Consent,Patient&_sort=birthdate"),
        ("CodeSystem?_sort=-name,nonsense", "CodeSystem?_sort=-name"),
    ] {
        let page = bundle(&app, query).await;
        assert_eq!(link(&app, &page, "self").as_deref(), Some(of_self), "{query}");
        let strict = Request::new("GET", &format!("/FHIR/R4/{query}")).header("Prefer", "handling=strict");
        assert_eq!(app.send(strict).await.status, 400, "{query}");
    }
}

// covers S-10, S-12
#[rstest]
#[actix_web::test]
async fn definitions_are_sorted_and_paged_too(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let ids = |found: Vec<String>| found.into_iter().map(|name| name[12..].to_owned()).collect::<Vec<_>>();
    let up = ids(entries(&bundle(&app, "StructureDefinition?_sort=url").await, "match"));
    let mut down = ids(entries(&bundle(&app, "StructureDefinition?_sort=-url").await, "match"));
    down.reverse();
    assert_eq!((up.len(), &up), (5, &down));
    assert_eq!(ids(all_pages(&app, "StructureDefinition?_sort=url&_count=2").await), up);
    let mut by_id = up.clone();
    by_id.sort();
    assert_eq!(ids(all_pages(&app, "StructureDefinition?_sort=status&_count=1").await), by_id);
}

// covers S-03, S-10, S-11
#[rstest]
#[actix_web::test]
async fn total_counts_matches_and_count_limits_the_page(
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
async fn partial_resource_is_tagged_subsetted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let subsetted = |resource: &Value| {
        resource["meta"]["tag"][0]["code"] == "SUBSETTED"
            && resource["meta"]["tag"][0]["system"]
                == "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
    };
    for (query, there, gone, is_part) in [
        ("_summary=true", &["status", "scope", "patient", "performer", "extension"][..], &[][..], true),
        ("_summary=text", &["status", "scope", "category"], &["performer", "provision"], true),
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
        // A partial resource may lack what the profile demands, and then does not claim to conform.
        let claims = query == "_summary=data" || !is_part;
        assert_eq!(resource["meta"].get("profile").is_some(), claims, "{query}: {resource}");
    }
}

// covers S-04, S-06, S-08
#[rstest]
#[actix_web::test]
async fn self_link_has_the_used_parameters_only(
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
async fn post_search_equals_get_search(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
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

// covers S-13
#[rstest]
#[actix_web::test]
async fn summary_has_summary_and_mandatory_elements(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for (kind, there, gone) in [
        ("Patient", &["identifier", "name", "birthDate"][..], &["generalPractitioner"][..]),
        ("RelatedPerson", &["identifier", "patient", "active"], &[]),
        ("QuestionnaireResponse", &["status", "subject", "questionnaire"], &["item"]),
        ("AuditEvent", &["type", "recorded", "agent", "source"], &["entity"]),
        ("Provenance", &["target", "recorded", "agent"], &["activity"]),
        ("CodeSystem", &["url", "name", "status", "content"], &["concept", "description"]),
        ("ValueSet", &["url", "name", "status"], &["compose"]),
        // Without its differential it would break sdf-6.
        ("StructureDefinition", &["url", "name", "status", "kind", "type", "differential"], &["mapping"]),
        ("SearchParameter", &["url", "description", "code", "base", "type"], &["expression"]),
        ("OperationDefinition", &["url", "name", "status", "code", "instance"], &["parameter"]),
        ("Questionnaire", &["url", "status", "subjectType"], &["item", "description"]),
    ] {
        let found = bundle(&app, &format!("{kind}?_count=1&_summary=true")).await;
        let resource = &found["entry"][0]["resource"];
        assert!(there.iter().all(|name| resource.get(name).is_some()), "{kind}: {resource}");
        assert!(gone.iter().all(|name| resource.get(name).is_none()), "{kind}: {resource}");
    }
}

// covers S-01, G-05, G-08
#[rstest]
#[actix_web::test]
async fn post_search_body_may_have_format_and_pretty(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let post = |url: &str, form: &str| {
        let request = Request::new("POST", &format!("/FHIR/R4/{url}"));
        request.header("Content-Type", "application/x-www-form-urlencoded").body(form)
    };
    let (json, xml) = ("application/fhir+json; charset=UTF-8", "application/fhir+xml; charset=UTF-8");
    for (url, form, wanted) in [
        ("Consent/_search", "_format=xml", xml),
        ("Consent/_search", "patient=9000000009&_format=application/fhir%2Bxml", xml),
        ("_search", "_type=Consent&_format=xml", xml),
        ("Patient/9000000009/Consent/_search", "_format=xml", xml),
        ("Consent/_search?_format=json", "_format=xml", json),
        ("Consent/_search", "_format=json", json),
        ("Consent/_search", "_format=", json),
    ] {
        let answer = app.send(post(url, form)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(wanted)), "{url} {form}");
    }
    let pretty = app.send(post("Consent/_search", "_pretty=true&_count=1&_format=json")).await;
    assert!(String::from_utf8_lossy(&pretty.body).starts_with("{\n  \"resourceType\""));
    let of_self = link(&app, &pretty.json(), "self");
    assert_eq!(of_self.as_deref(), Some("Consent?_pretty=true&_count=1&_format=json"));
    let refused = app.send(post("Consent/_search", "_format=html")).await;
    assert_eq!((refused.status, &refused.json()["resourceType"]), (406, &"OperationOutcome".into()));
    let text = app.send(post("Consent/_search", "_format=xml&_count=x")).await;
    assert_eq!((text.status, text.header("content-type")), (400, Some(xml)));
}
