//! Searches of the system, and of a patient's compartment.

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;
use serde_json::Value;

use super::{assert_refused, bundle, entries, get, link, total};
use crate::fhir::bundle::{ask, bundle as to_send, statuses};
use crate::fhir::client::{post, send, send_well};
use crate::support::{Backend, Request, TestApp};

// covers S-02
#[rstest]
#[actix_web::test]
async fn search_supports_type_and_compartments(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for (path, expected) in [
        // First, while no access to this patient is recorded.
        ("Patient/9000000009/*", 13),
        ("?_type=Consent,RelatedPerson", 46),
        ("?_type=Consent&_type=RelatedPerson", 46),
        ("?_type=Consent,Consent", 32),
        ("?_type=Consent&patient=9000000009", 3),
        ("?_type=Consent,RelatedPerson&patient=9000000009", 7),
        ("Patient/9000000009/*?_type=Consent", 3),
        ("Patient/9000000009/*?_type=Consent,RelatedPerson", 7),
        ("Patient/9000000009/*?_type=Questionnaire", 0),
        ("Consent?_type=Patient", 0),
        ("Patient/9000000009/Consent", 3),
        ("Patient/9000000009/Consent?status=inactive", 0),
        ("Patient/9000000009/RelatedPerson?relationship=MTH", 4),
        ("Patient/9000000009/*?_lastUpdated=lt2026", 3),
    ] {
        let found = bundle(&app, path).await;
        assert_eq!((entries(&found, "match").len(), &found["total"]), (expected, &expected.into()), "{path}");
    }
    let types =
        ["?_type=Nothing", "?_type=Consent,Nothing", "?_type=consent", "Patient/9000000009/*?_type=consent"];
    assert_refused(&app, 400, &types).await;
    assert_refused(&app, 404, &["Patient/9999999999/Consent", "Patient/9000000009/Questionnaire"]).await;
    assert_eq!(get(&app, "Consent/9000000009/Patient").await.status, 404);
}

// covers FAULT-2, S-02
#[rstest]
#[actix_web::test]
async fn a_parameter_that_not_every_searched_type_has_is_400_by_every_way_in(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let refused = [
        "?_type=Patient,Consent&family=smith",
        "?family=smith",
        "?_type=Consent,Patient&status:not=active",
        "?_type=Consent,Patient&performer:missing=true",
        "?_type=Consent,Patient&patient.family=smith",
        "?_type=Consent,Questionnaire&patient=9000000009",
        "?_type=Patient,Consent&_has:Consent:patient:status=active",
        "?_type=Consent,RelatedPerson&_tag=a&active=true",
        "Patient/9000000009/*?status=active",
        "Patient/9000000009/*?_type=Consent,RelatedPerson&status=active",
    ];
    assert_refused(&app, 400, &refused).await;
    for query in refused {
        let (path, query_string) = query.split_once('?').expect("a query");
        let form = Request::new(
            "POST",
            &format!("/FHIR/R4/{path}{}_search", if path.is_empty() { "" } else { "/" }),
        );
        let form = form.header("Content-Type", "application/x-www-form-urlencoded").body(query_string);
        assert_eq!(app.send(form).await.status, 400, "POST {query}");
        let batch = post("", &to_send("batch", &[ask("GET", query)]));
        assert_eq!(statuses(&send_well(&app, batch, 200).await), ["400"], "batch {query}");
        let transaction = post("", &to_send("transaction", &[ask("GET", query)]));
        assert_eq!(send(&app, transaction).await.status, 400, "transaction {query}");
    }
    // Common parameters filter each type; one that no type has is unknown as usual, and absent from the self
    // link.
    for (query, expected) in [
        ("?_type=Consent,RelatedPerson&patient=9000000009", 7),
        ("?_type=Consent,RelatedPerson&patient.family=smith", 7),
        ("?_type=Consent,QuestionnaireResponse&status:not=active", 13),
        ("?_type=Patient,RelatedPerson&_id=9000000009", 1),
        ("?_type=Patient,Consent&nothing=1&_id=9000000009", 1),
        ("?_id=9000000009", 1),
    ] {
        assert_eq!(total(&app, query).await, expected, "{query}");
    }
    let page = bundle(&app, "?_type=Consent,RelatedPerson&patient=9000000009&nothing=1&_count=2").await;
    let of_self = link(&app, &page, "self").expect("a link");
    assert!(!of_self.contains("nothing"), "{of_self}");
    let next = link(&app, &page, "next").expect("a next page");
    let widened = next.replace("_type=Consent,RelatedPerson", "_type=Consent,RelatedPerson,Questionnaire");
    assert_refused(&app, 400, &[&widened]).await;
    // One type without it behaves as usual.
    assert_eq!(total(&app, "Consent?family=smith").await, 32);
    assert_eq!(total(&app, "?_type=Consent&family=smith").await, 32);
}

// covers FAULT-2
#[rstest]
#[actix_web::test]
async fn system_search_accepts_common_parameters_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let metadata = get(&app, "metadata").await.json();
    let names = |resource: &Value| -> BTreeSet<String> {
        let params = resource["searchParam"].as_array().map_or(&[][..], Vec::as_slice);
        params.iter().map(|param| param["name"].as_str().expect("a name").to_owned()).collect()
    };
    let resources = metadata["rest"][0]["resource"].as_array().expect("resources");
    let types: BTreeMap<&str, BTreeSet<String>> = resources
        .iter()
        .map(|resource| (resource["type"].as_str().expect("a type"), names(resource)))
        .collect();
    let mut counts = (0, 0);
    for first in ["Consent", "Patient", "Questionnaire"] {
        for other in types.keys().filter(|name| **name != first) {
            for param in types[first].union(&types[other]) {
                let query = format!("?_type={first},{other}&{param}:missing=true&_summary=count");
                let is_common = types[first].contains(param) && types[other].contains(param);
                let answer = get(&app, &query).await;
                assert_eq!(answer.status, if is_common { 200 } else { 400 }, "{query}");
                if is_common { counts.0 += 1 } else { counts.1 += 1 }
            }
        }
    }
    assert!(counts.0 > 50 && counts.1 > 100, "{counts:?}");
}
