//! `_include` and `_revinclude`.

use rstest::rstest;

use super::{JANE, LISA, ROLE, bundle, entries, link};
use crate::support::{Backend, TestApp};

// covers S-15
#[rstest]
#[actix_web::test]
async fn include_returns_each_target_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let (child, proxies) =
        ("Patient/9000000009", ["Patient/9000000017", "Patient/9000000019", "Patient/9000000022"]);
    let everybody = [&[child][..], &proxies].concat();
    for (query, expected) in [
        ("_include=Consent:patient", vec![child]),
        ("_include=Consent:performer", proxies.to_vec()),
        ("_include=Consent:consentor:Patient", proxies.to_vec()),
        ("_include=Consent:consentor:RelatedPerson", vec![]),
        ("_include=Consent:patient&_include=Consent:actor", everybody.clone()),
        ("_include=Consent:*", everybody.clone()),
        ("_include=*", everybody),
        ("_include=RelatedPerson:patient", vec![]),
    ] {
        let page = bundle(&app, &format!("Consent?patient={JANE}&{query}")).await;
        assert_eq!(entries(&page, "match").len(), 3, "{query}");
        let mut included = entries(&page, "include");
        included.sort();
        assert_eq!(included, expected, "{query}");
    }
}

// covers S-15
#[rstest]
#[actix_web::test]
async fn revinclude_and_iterate(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let count = |names: &[String], kind: &str| names.iter().filter(|name| name.starts_with(kind)).count();
    let page = bundle(&app, &format!("Consent?_id={ROLE}&_revinclude=Provenance:target")).await;
    assert_eq!(count(&entries(&page, "include"), "Provenance/"), 1);
    let page = bundle(&app, &format!("Patient?_id={JANE}&_revinclude=Consent:patient")).await;
    let found = entries(&page, "include");
    assert_eq!((count(&found, "Consent/"), found.len()), (3, 3));
    let iterated = "_revinclude=Consent:patient&_include:iterate=Consent:performer";
    let page = bundle(&app, &format!("Patient?_id={JANE}&{iterated}")).await;
    let found = entries(&page, "include");
    assert_eq!((count(&found, "Consent/"), count(&found, "Patient/"), found.len()), (3, 3, 6));
    let flat = "_revinclude=Consent:patient&_include=Consent:performer";
    let page = bundle(&app, &format!("Patient?_id={JANE}&{flat}")).await;
    assert_eq!(entries(&page, "include").len(), 3);
}

// covers S-15
#[rstest]
#[actix_web::test]
async fn include_is_per_page(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let mut next = Some(format!("Consent?consentor={LISA}&_count=1&_include=Consent:performer"));
    let mut pages = 0;
    while let Some(path) = next {
        let page = bundle(&app, &path).await;
        assert_eq!(entries(&page, "match").len(), 1, "{path}");
        assert_eq!(entries(&page, "include"), ["Patient/9000000017"], "{path}");
        next = link(&app, &page, "next");
        pages += 1;
    }
    assert_eq!(pages, 6);
}
