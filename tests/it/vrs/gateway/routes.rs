//! Contract §1.1 and §2.2 "Any endpoint": paths and methods that are not there.

use rstest::rstest;

use crate::support::{Backend, TestApp};
use crate::vrs::expected_error::{expected_error, invalidated, method_not_allowed};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACCESS_REQUEST, MOTHER, MOTHERS_ROLE};
use crate::vrs::operations::{get, request};

#[rstest]
#[actix_web::test]
async fn another_method_is_405_with_allow(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let role = format!("/Consent/{MOTHERS_ROLE}");
    let access_request = format!("/QuestionnaireResponse/{ACCESS_REQUEST}");
    let rows: [(&str, &[&str], &[&str]); 5] = [
        ("/Consent", &["GET", "POST"], &["PUT", "PATCH", "DELETE", "OPTIONS"]),
        (&role, &["GET", "PATCH"], &["POST", "PUT", "DELETE", "OPTIONS"]),
        ("/RelatedPerson", &["GET"], &["POST", "PUT", "PATCH", "DELETE"]),
        ("/QuestionnaireResponse", &["POST"], &["GET", "PUT", "PATCH", "DELETE"]),
        (&access_request, &["GET"], &["POST", "PUT", "PATCH", "DELETE"]),
    ];
    for (path, allowed, others) in rows {
        for method in others {
            let answer = app.send(request(method, path)).await;
            let row = format!("{method} {path}");
            method_not_allowed().check(&row, &answer);
            let mut expected: Vec<_> = answer.header("Allow").unwrap_or_default().split(", ").collect();
            expected.sort_unstable();
            assert_eq!(expected, allowed, "{row}");
        }
    }
    footprint.check_untouched("all of them");
}

#[rstest]
#[actix_web::test]
async fn unknown_path_is_404_invalidated_resource(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for path in [
        "",
        "/",
        "/metadata",
        "/Questionnaire",
        "/Patient",
        "/Patient/9000000017",
        "/consent",
        "/Consent/986b2cfe-a9a7-517c-84fc-05d40298b1b3/_history",
        "/Consent/_search/x",
        "/RelatedPerson/BE974742",
    ] {
        invalidated().check(path, &app.send(get(path)).await);
    }
}

#[rstest]
#[actix_web::test]
async fn a_consent_search_with_a_trailing_slash_is_one_without_parameters(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let diagnostics =
        "Invalid request with error - performer:identifier or patient:identifier parameter not found.";
    let display = "Required parameter(s) are missing.";
    let missing = expected_error(400, "MISSING_IDENTIFIER_VALUE", "invalid", display, diagnostics);
    missing.check("/Consent/", &app.get("/Consent/").await);
}

#[rstest]
#[actix_web::test]
async fn there_is_no_paging_sorting_or_counting(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for path in ["/Consent?performer:identifier=", "/RelatedPerson?identifier="] {
        let whole = app.get(&format!("{path}{MOTHER}")).await.json()["total"].clone();
        for more in ["_count=1", "_sort=-_lastUpdated", "_summary=count", "_offset=1", "page=2"] {
            let answer = app.get(&format!("{path}{MOTHER}&{more}")).await;
            let bundle = answer.json();
            assert_eq!((answer.status, &bundle["total"]), (200, &whole), "{path} {more}");
            assert_eq!(bundle["link"].as_array().unwrap().len(), 1, "{path} {more}");
            assert_eq!(bundle["entry"].as_array().unwrap().len().to_string(), whole.to_string());
        }
    }
}
