//! Batches and transactions with damage.

use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::document::damaged;
use super::{Mutated, all_stand, held};
use crate::fhir::bodies::{fhirpath_replace, one_of_each};
use crate::fhir::bundle::{ask, bundle, give};
use crate::support::{Backend, TestApp};
use crate::vrs::known::{CHILD, LONER, MOTHER, PATIENTS};

/// Where an entry may want to go.
const URLS: &[&str] = &[
    "",
    "/",
    "metadata",
    "_history",
    "_search",
    "?_type=Consent",
    "$validate",
    "Consent",
    "Consent/",
    "Consent/none",
    "Consent/../metadata",
    "Consent?status=active",
    "Consent?status:nonsense=x",
    "Consent?_include=*&_count=2",
    "Consent/%00",
    "Consent?_id=%00",
    "Patient/9000000009/*",
    "Patient/9000000009/$everything",
    "http://elsewhere.example/Consent/1",
    "urn:uuid:0e5fb8e1-5f8c-4d0e-9d40-0a6d5e6a9b11",
    "//",
    "é",
    "Consent?\u{0}",
];

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", ""];

/// Entries that can be carried out.
async fn entries(app: &TestApp) -> Vec<Value> {
    let mut entries = vec![
        ask("GET", "Consent?status=active&_count=2"),
        ask("GET", &format!("Patient/{CHILD}")),
        give(
            "PATCH",
            &format!("Consent?consentor:identifier={MOTHER}&patient:identifier={CHILD}"),
            &fhirpath_replace("Consent.provision.period.end", "valueDateTime", "2031-01-31".into()),
        ),
    ];
    for (number, patient) in PATIENTS.into_iter().enumerate() {
        for (path, body) in one_of_each(LONER, patient) {
            let mut entry = give("POST", &path[1..], &body);
            entry["fullUrl"] = format!("urn:uuid:0e5fb8e1-5f8c-4d0e-9d40-0a6d5e6a9b{number:02}").into();
            entry["request"]["ifNoneExist"] = format!("patient:identifier={patient}&_count=3").into();
            entries.push(entry);
        }
    }
    for (path, body) in held(app).await {
        entries.push(ask("GET", &path[1..]));
        let mut entry = give("PUT", &path[1..], &body);
        entry["request"]["ifMatch"] = "W/\"1\"".into();
        entries.push(entry);
    }
    entries
}

#[rstest]
#[actix_web::test]
async fn mutated_bundle_is_2xx_or_4xx(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let known = select(entries(&app).await);
    let strange = (known.clone(), select(METHODS), select(URLS)).prop_map(|(mut entry, method, url)| {
        entry["request"] = json!({ "method": method, "url": url });
        entry
    });
    let nested = prop::collection::vec(known.clone(), 1..2)
        .prop_map(|entries| give("POST", "", &bundle("transaction", &entries)));
    let entry = prop_oneof![6 => known, 2 => strange, 1 => nested];
    let kinds = vec!["transaction", "batch", "searchset", "document", "nothing"];
    let kind = prop_oneof![9 => select(vec!["transaction", "batch"]), 1 => select(kinds)];
    let whole = (kind, prop::collection::vec(entry, 0..4)).prop_map(|(kind, entries)| bundle(kind, &entries));
    let body =
        whole.prop_flat_map(|whole| prop_oneof![1 => Just(whole.to_string()), 3 => damaged(vec![whole])]);
    let requests = body.prop_map(|body| Mutated::new("POST", "").with("application/fhir+json", body));
    all_stand(&app, requests).await;
}
