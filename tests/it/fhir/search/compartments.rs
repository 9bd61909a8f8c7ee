//! Searches of everything, and of a patient's compartment.

use rstest::rstest;

use super::{assert_refused, bundle, entries, get};
use crate::support::{Backend, TestApp};

// covers S-02
#[rstest]
#[actix_web::test]
async fn a_search_can_be_about_several_types_or_a_compartment(
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
