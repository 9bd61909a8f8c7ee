//! Pages follow each other by key: every row from the beginning is on exactly one of them.

use std::collections::BTreeMap;

use rstest::rstest;

use super::cost::{MANY, add, empty};
use super::{all_pages, assert_refused, bundle, entries, link};
use crate::support::{Backend, Request, TestApp};

async fn assert_old_rows_once(app: &TestApp, path: &str, patients: &mut u32) {
    let old = all_pages(app, path).await;
    assert!(old.len() >= 40, "{path}: {}", old.len());
    let (mut seen, mut next) = (BTreeMap::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = bundle(app, &path).await;
        for name in entries(&page, "match") {
            *seen.entry(name).or_insert(0) += 1;
        }
        // One row that sorts early, one that sorts late.
        for start in [0, u128::MAX >> 1] {
            *patients += 1;
            add(app, MANY, format!("99300{patients:05}"), start + u128::from(*patients)).await;
        }
        next = link(app, &page, "next");
        assert!(seen.len() < 1000, "{path} does not end");
    }
    assert!(seen.values().all(|times| *times == 1), "{path}: shown twice: {seen:?}");
    assert!(old.iter().all(|name| seen.contains_key(name)), "{path}: left out");
}

// covers S-10
#[rstest]
#[actix_web::test]
async fn paging_returns_every_row_once_during_inserts(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = empty(backend).await;
    for at in 0..40 {
        add(&app, MANY, format!("99200000{at:02}"), (1 << 100) + at).await;
    }
    let mut patients = 0;
    for path in [
        "Consent?consentor=9910000000&_count=15",
        "Consent?_sort=patient&_count=30",
        "RelatedPerson?_sort=-identifier,patient&_count=40",
        "?_type=RelatedPerson,Consent&_count=40",
    ] {
        assert_old_rows_once(&app, path, &mut patients).await;
    }
}

// covers S-10, S-12
#[rstest]
#[actix_web::test]
async fn every_order_pages_to_its_end(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    for (path, expected) in [
        // First, while no access to this patient is recorded; its own pages are not among them.
        ("Patient/9000000009/*?_count=2", 13),
        ("Consent?_count=1", 32),
        ("Consent?_count=5&_sort=-_lastUpdated", 32),
        ("Consent?_count=5&_sort=status,-patient", 32),
        ("Consent?_count=5&_sort=-period,consentor", 32),
        ("Patient?_count=7&_sort=name", 48),
        ("Patient?_count=7&_sort=-given", 48),
        ("Patient?_count=7&_sort=-birthdate", 48),
        ("Patient?_count=7&_sort=general-practitioner", 48),
        ("AuditEvent?_count=7&_sort=altid&action=C", 32),
        ("CodeSystem?_count=2", 9),
        ("?_type=Consent,RelatedPerson&_count=4", 46),
        // A page that ends where a type ends.
        ("?_type=RelatedPerson,Consent&_count=14&_sort=-_lastUpdated", 46),
        ("?_type=RelatedPerson,Consent&_count=7&_sort=-patient", 46),
    ] {
        let found = all_pages(&app, path).await;
        let mut once = found.clone();
        once.sort();
        once.dedup();
        assert_eq!((found.len(), once.len()), (expected, expected), "{path}");
    }
}

// covers S-10
#[rstest]
#[actix_web::test]
async fn the_pages_of_a_posted_search_are_read_with_get(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for (path, form) in [
        ("/FHIR/R4/Consent/_search", "_count=20"),
        ("/FHIR/R4/_search", "_type=Consent&_count=20"),
        ("/FHIR/R4/Patient/9000000009/*/_search", "_type=Consent&_count=2"),
    ] {
        let request =
            Request::new("POST", path).header("Content-Type", "application/x-www-form-urlencoded").body(form);
        let first = app.send(request).await.json();
        let next = link(&app, &first, "next").unwrap_or_else(|| panic!("{path}: {first}"));
        let rest = all_pages(&app, &next).await;
        assert!(
            !rest.is_empty() && rest.iter().all(|name| !entries(&first, "match").contains(name)),
            "{path}"
        );
    }
}

// covers S-10
#[rstest]
#[actix_web::test]
async fn forged_page_link_is_rejected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let hexadecimal = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let with_nul = hexadecimal(r#"["0","a\u0000",[]]"#);
    let in_values = hexadecimal(r#"["0","a",["\u0000"]]"#);
    let paths = [
        "Consent?_page=zz".to_owned(),
        "Consent?_page=1".to_owned(),
        "Consent?_page=5b5d".to_owned(),
        format!("Consent?_page={with_nul}"),
        format!("Consent?_sort=patient&_page={in_values}"),
    ];
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    assert_refused(&app, 400, &paths).await;
}
