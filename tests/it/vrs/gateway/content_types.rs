//! Contract §1 and §1.3: the content types that go in and come out.

use rstest::rstest;

use crate::support::{Backend, Request, TestApp, bodies};
use crate::vrs::expected_error::unsupported_media_type;
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACCESS_REQUEST, ACTIVE, LONER, MOTHER, PATIENTS, SON, consent};
use crate::vrs::operations::{all, end, patch, post};

fn with_type(request: Request, content_type: &str) -> Request {
    request.without("Content-Type").header("Content-Type", content_type)
}

#[rstest]
#[actix_web::test]
async fn every_response_is_fhir_json(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    for (operation, request) in all(ACCESS_REQUEST) {
        let answer = app.send(request).await;
        assert!((200..300).contains(&answer.status), "{operation}: {}", answer.status);
        assert_eq!(answer.header("Content-Type"), Some("application/fhir+json"), "{operation}");
        assert!(answer.json()["resourceType"].is_string(), "{operation}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_body_of_another_content_type_is_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let posts = [
        post("/QuestionnaireResponse", &bodies::access_request(MOTHER, SON)),
        post("/Consent", &bodies::consent(LONER, SON)),
    ];
    let anywhere = ["", "text/plain", "application/json", "application/xml", "application/fhir+xml", "*/*"];
    let for_posts = [
        "application/json-patch+json",
        "application/fhir+json;charset=utf-8",
        "application/fhir+json; charset=UTF-8",
        "application/fhir+json; charset=iso-8859-1",
        "application/fhir+json; fhirVersion=4.0",
        "Application/FHIR+JSON",
    ];
    let for_patches = [
        "application/fhir+json",
        "application/merge-patch+json",
        "application/json-patch+json; charset=utf-8",
        "Application/JSON-Patch+JSON",
    ];
    for request in posts {
        unsupported_media_type().check("none", &app.send(request.clone().without("Content-Type")).await);
        for content_type in anywhere.into_iter().chain(for_posts) {
            let answer = app.send(with_type(request.clone(), content_type)).await;
            unsupported_media_type().check(content_type, &answer);
        }
    }
    let request = patch(&consent(ACTIVE), &end());
    unsupported_media_type().check("none", &app.send(request.clone().without("Content-Type")).await);
    for content_type in anywhere.into_iter().chain(for_patches) {
        let answer = app.send(with_type(request.clone(), content_type)).await;
        unsupported_media_type().check(content_type, &answer);
    }
    footprint.check_untouched("all of them");
}

#[rstest]
#[actix_web::test]
async fn a_post_may_name_its_charset(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let types = ["application/fhir+json", "application/fhir+json; charset=utf-8"];
    for (content_type, patient) in types.into_iter().zip(PATIENTS) {
        let role = post("/Consent", &bodies::consent(LONER, patient));
        assert_eq!(app.send(with_type(role, content_type)).await.status, 201, "{content_type}");
        let apply = post("/QuestionnaireResponse", &bodies::access_request(MOTHER, SON));
        assert_eq!(app.send(with_type(apply, content_type)).await.status, 200, "{content_type}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_read_may_name_any_content_type(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    for (operation, request) in
        all(ACCESS_REQUEST).into_iter().filter(|(name, _)| !["#1", "#5", "#7"].contains(name))
    {
        let answer = app.send(request.header("Content-Type", "application/json")).await;
        assert_eq!(answer.status, 200, "{operation}");
    }
}
