//! Read and vread.

use rstest::rstest;

use crate::fhir::client::{get, outcome_of, request, send, send_well};
use crate::support::{Backend, TestApp};
use crate::vrs::known::{ACCESS_REQUEST, MOTHER, MOTHERS_ROLE, NO_SUCH_ID, NOBODY};

fn there() -> [String; 4] {
    [
        format!("/Consent/{MOTHERS_ROLE}"),
        "/RelatedPerson/BE974742".to_owned(),
        format!("/QuestionnaireResponse/{ACCESS_REQUEST}"),
        format!("/Patient/{MOTHER}"),
    ]
}

// covers, G-12, G-13
#[rstest]
#[actix_web::test]
async fn read_is_200_with_etag_and_last_modified(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for path in there() {
        let answer = send(&app, get(&path)).await;
        assert_eq!(answer.status, 200, "{path}");
        let resource = answer.json();
        let etag = answer.header("etag").expect("an entity tag").to_owned();
        let version = resource["meta"]["versionId"].as_str().expect("a version");
        assert_eq!(etag, format!("W/\"{version}\""));
        let modified = answer.header("last-modified").expect("a date").to_owned();
        assert_eq!(send_well(&app, get(&format!("{path}/_history/{version}")), 200).await, resource);
        for (name, value, status) in [
            ("If-None-Match", etag.as_str(), 304),
            ("If-None-Match", "*", 304),
            ("If-None-Match", version, 304),
            ("If-None-Match", "99", 200),
            ("If-None-Match", "W/\"99\"", 200),
            ("If-Modified-Since", modified.as_str(), 304),
            ("If-Modified-Since", "Sun, 22 Nov 2099 12:00:00 GMT", 304),
            ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
            ("If-Modified-Since", "whenever", 200),
        ] {
            let answer = send(&app, get(&path).header(name, value)).await;
            assert_eq!(answer.status, status, "{path} {name}: {value}");
            assert_eq!(answer.body.is_empty(), status == 304);
            assert_eq!(answer.header("etag"), Some(etag.as_str()));
        }
        for path in [path.clone(), format!("{path}/_history/{version}")] {
            let head = send(&app, request("HEAD", &path)).await;
            assert_eq!((head.status, head.header("etag")), (200, Some(etag.as_str())));
            assert_eq!(head.header("last-modified"), Some(modified.as_str()));
            assert!(head.body.is_empty());
        }
    }
}

// covers, G-02, G-03, G-17
#[rstest]
#[actix_web::test]
async fn read_of_an_unknown_id_is_404(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let long = "a".repeat(65);
    for path in [
        format!("/Consent/{NO_SUCH_ID}"),
        "/Consent/1".to_owned(),
        format!("/Consent/{}", MOTHERS_ROLE.to_uppercase()),
        format!("/consent/{MOTHERS_ROLE}"),
        format!("/CONSENT/{MOTHERS_ROLE}"),
        format!("/Consent/{MOTHERS_ROLE}/_History/1"),
        format!("/Consent/{long}"),
        "/Consent/a_b".to_owned(),
        "/Consent/a%20b".to_owned(),
        "/Consent/%00".to_owned(),
        "/Consent/%ff".to_owned(),
        "/Consent/..".to_owned(),
        format!("/RelatedPerson/{MOTHERS_ROLE}"),
        "/RelatedPerson/be974742".to_owned(),
        format!("/Patient/{}", NOBODY[0]),
        "/Patient/BE974742".to_owned(),
        "/Observation/1".to_owned(),
        "/Subject".to_owned(),
        "/Questionnaire/none".to_owned(),
        format!("/Consent/{MOTHERS_ROLE}/_history/99"),
        format!("/Consent/{MOTHERS_ROLE}/_history/0"),
        format!("/Consent/{MOTHERS_ROLE}/_history/-1"),
        format!("/Consent/{MOTHERS_ROLE}/_history/x"),
        format!("/Consent/{MOTHERS_ROLE}/_history/99999999999999999999"),
        format!("/Consent/{NO_SUCH_ID}/_history/1"),
        format!("/Consent/{NO_SUCH_ID}/_history"),
        format!("/Consent/{MOTHERS_ROLE}/$nothing"),
        "/Consent/$nothing".to_owned(),
        "/$nothing".to_owned(),
        "/a/b/c/d/e/f".to_owned(),
    ] {
        let (status, code, _) = outcome_of(&send(&app, get(&path)).await);
        assert_eq!((status, code.as_str()), (404, "not-found"), "{path}");
    }
}

// covers G-19
#[rstest]
#[actix_web::test]
async fn read_supports_summary_and_elements(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let role = format!("/Consent/{MOTHERS_ROLE}");
    for query in ["_elements=status", "_summary=true", "_summary=data", "_summary=text"] {
        let part = send_well(&app, get(&format!("{role}?{query}")), 200).await;
        let tagged = part["meta"]["tag"][0]["code"] == "SUBSETTED";
        assert!(tagged, "{query}: {part}");
    }
    let part = send_well(&app, get(&format!("{role}?_elements=status")), 200).await;
    assert!(part.get("status").is_some() && part.get("policy").is_none(), "{part}");
    assert_eq!(send(&app, get(&format!("{role}?_summary=everything"))).await.status, 400);
}
