//! Batch.

use rstest::rstest;
use serde_json::{Value, json};

use super::{ask, bundle, give, statuses};
use crate::fhir::bodies::{fhirpath_replace, relationship, role};
use crate::fhir::client::{get, outcome_of, post, send, send_well};
use crate::support::{Backend, TestApp};
use crate::vrs::callers::{citizen, guarded};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{ACTIVE, LONER, MOTHER, MOTHERS_ROLE, NO_SUCH_ID, PATIENTS, PROXY};

fn batch() -> (Vec<Value>, Vec<&'static str>) {
    let mut stale = give(
        "PATCH",
        &format!("Consent/{ACTIVE}"),
        &fhirpath_replace("Consent.provision.period.end", "valueDateTime", "2027-02-02".into()),
    );
    stale["request"]["ifMatch"] = "W/\"9\"".into();
    let mut known = ask("GET", &format!("Consent/{ACTIVE}"));
    known["request"]["ifNoneMatch"] = "W/\"1\"".into();
    let mut found = give("POST", "Consent", &role(LONER, PATIENTS[0]));
    found["request"]["ifNoneExist"] =
        format!("consentor:identifier={PROXY}&patient:identifier={}", PATIENTS[0]).into();
    let patch = fhirpath_replace("Consent.provision.period.end", "valueDateTime", "2027-03-03".into());
    let json_patch =
        json!({ "resourceType": "Binary", "contentType": "application/json-patch+json", "data": "W10=" });
    let rows = [
        (ask("GET", &format!("Consent/{MOTHERS_ROLE}")), "200"),
        (give("POST", "Consent", &role(LONER, PATIENTS[1])), "201"),
        (give("POST", "Consent", &role(LONER, PATIENTS[1])), "409"),
        (give("POST", "Consent", &json!({ "resourceType": "Consent" })), "422"),
        (give("POST", "RelatedPerson", &relationship(LONER, PATIENTS[1])), "201"),
        (give("POST", "Patient", &json!({ "resourceType": "Patient" })), "405"),
        (ask("GET", &format!("Consent/{NO_SUCH_ID}")), "404"),
        (ask("GET", "Nowhere/1"), "404"),
        (ask("DELETE", &format!("Consent/{ACTIVE}")), "405"),
        (ask("GET", &format!("Consent?consentor:identifier={MOTHER}")), "200"),
        (ask("GET", &format!("Consent/{ACTIVE}/_history")), "200"),
        (ask("GET", "Consent?status:nonsense=x"), "400"),
        (stale, "412"),
        (known, "304"),
        (found, "200"),
        (give("PATCH", &format!("Consent/{MOTHERS_ROLE}"), &patch), "200"),
        (give("PATCH", &format!("Consent/{MOTHERS_ROLE}"), &json_patch), "200"),
        (ask("POST", "Consent"), "400"),
        (ask("POST", ""), "400"),
        (json!({ "resource": role(LONER, PATIENTS[2]) }), "400"),
        (json!({ "request": { "method": "FETCH", "url": "Consent" } }), "405"),
    ];
    rows.into_iter().unzip()
}

// covers B-05, B-06, B-07, G-17
#[rstest]
#[actix_web::test]
async fn batch_entries_are_independent(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let (entries, wanted) = batch();
    let answer = send_well(&app, post("", &bundle("batch", &entries)), 200).await;
    assert_eq!(answer["type"], "batch-response");
    assert_eq!(statuses(&answer), wanted, "{answer:#}");
    for (number, entry) in answer["entry"].as_array().expect("entries").iter().enumerate() {
        let status = entry["response"]["status"].as_str().unwrap_or_default();
        let is_refused = status.starts_with('4');
        let outcome = &entry["response"]["outcome"];
        assert_eq!(outcome["resourceType"] == "OperationOutcome", is_refused, "{number}: {entry}");
    }
    let created = &answer["entry"][1];
    assert_eq!(created["response"]["etag"], "W/\"1\"");
    assert!(created["response"]["location"].is_string() && created["response"]["lastModified"].is_string());
    let grown = footprint.grown();
    assert_eq!(grown, Rows { roles: 1, versions: 2, acts: 3, events: grown.events, requests: 0 });
    assert!(grown.events >= 2, "{grown:?}");
}

/// A JSON Patch as a Bundle carries it.
fn binary(content_type: &str, data: &str) -> Value {
    json!({ "resourceType": "Binary", "contentType": content_type, "data": data })
}

// covers B-07, R-30, R-33
#[rstest]
#[actix_web::test]
async fn a_json_patch_in_a_bundle_is_the_data_of_a_binary(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    const KIND: &str = "application/json-patch+json";
    // [{"op":"replace","path":"/provision/period/end","value":"2027-01-01"}]
    const END: &str = "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9wcm92aXNpb24vcGVyaW9kL2VuZCIsInZhbHVl\n\
        IjoiMjAyNy0wMS0wMSJ9XQ==";
    let app = TestApp::strict(backend).await;
    let path = format!("Consent/{MOTHERS_ROLE}");
    let mut footprint = Footprint::of(&app);
    for (row, resource, status) in [
        ("no base64", binary(KIND, "!"), "400"),
        ("no JSON", binary(KIND, "eA=="), "400"),
        ("no patch", binary(KIND, "e30="), "400"),
        ("no data", json!({ "resourceType": "Binary", "contentType": KIND }), "400"),
        ("no type", json!({ "resourceType": "Binary", "data": END }), "415"),
        ("XML Patch", binary("application/xml-patch+xml", END), "415"),
        ("JSON", binary("application/json", END), "415"),
        ("another charset", binary("application/json-patch+json; charset=latin1", END), "415"),
    ] {
        let entry = give("PATCH", &path, &resource);
        let answer = send_well(&app, post("", &bundle("batch", std::slice::from_ref(&entry))), 200).await;
        assert_eq!(statuses(&answer), [status], "{row}: {answer}");
        let refused = send(&app, post("", &bundle("transaction", &[entry]))).await;
        assert_eq!(outcome_of(&refused).0.to_string(), status, "{row}");
        footprint.check_untouched(row);
    }
    let mut stale = give("PATCH", &path, &binary(KIND, END));
    stale["request"]["ifMatch"] = "W/\"9\"".into();
    assert_eq!(outcome_of(&send(&app, post("", &bundle("transaction", &[stale]))).await).0, 412);
    footprint.check_untouched("stale");
    for (kind, version) in [("transaction", "W/\"2\""), ("batch", "W/\"2\"")] {
        let charset = format!("{KIND}; charset=utf-8");
        let entry = give("PATCH", &path, &binary(&charset, END));
        let answer = send_well(&app, post("", &bundle(kind, &[entry])), 200).await;
        assert_eq!(statuses(&answer), ["200"], "{kind}: {answer}");
        assert_eq!(answer["entry"][0]["response"]["etag"], version, "the same again is no version");
        assert_eq!(answer["entry"][0]["resource"]["provision"]["period"]["end"], "2027-01-01");
    }
    assert_eq!(footprint.grown(), Rows::CHANGED);
}

// covers B-08, G-16
#[rstest]
#[actix_web::test]
async fn bundle_entries_are_authorized_for_the_caller(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut footprint = Footprint::of(&app);
    let entries = [
        ask("GET", &format!("Consent/{MOTHERS_ROLE}")),
        give("POST", "Consent", &role(MOTHER, PATIENTS[0])),
        ask("GET", &format!("Consent/{ACTIVE}")),
    ];
    let batch = post("", &bundle("batch", &entries)).bearer(&citizen(MOTHER));
    assert_eq!(statuses(&send_well(&app, batch, 200).await), ["200", "403", "404"]);
    let transaction = post("", &bundle("transaction", &entries)).bearer(&citizen(MOTHER));
    assert_eq!(send(&app, transaction).await.status, 403);
    footprint.check_untouched("refused");
}

// covers B-09, B-10, B-06
#[rstest]
#[actix_web::test]
async fn bundle_of_another_type_is_rejected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let many = vec![ask("GET", "Consent"); 1001];
    let mut object = bundle("batch", &[]);
    object["entry"] = ask("GET", "Consent");
    for (row, body, status) in [
        ("a history", bundle("history", &[]), 400),
        ("a collection", bundle("collection", &[]), 400),
        ("a searchset", bundle("searchset", &[]), 400),
        ("no type", json!({ "resourceType": "Bundle" }), 400),
        ("another resource", role(LONER, PATIENTS[0]), 400),
        ("too many entries", bundle("batch", &many), 413),
        ("too many entries at once", bundle("transaction", &many), 413),
        ("an object for the entries", object, 400),
        ("no request", bundle("transaction", &[json!({ "resource": role(LONER, PATIENTS[0]) })]), 400),
        ("a delete", bundle("transaction", &[ask("DELETE", &format!("Consent/{ACTIVE}"))]), 405),
    ] {
        assert_eq!(outcome_of(&send(&app, post("", &body)).await).0, status, "{row}");
        footprint.check_untouched(row);
    }
    assert_eq!(send(&app, get("")).await.status, 200, "a search of everything");
}
