//! The response to any query string is a searchset or a 4xx, never a 5xx.

use rstest::rstest;

use super::get;
use crate::support::{Backend, Request, Response, TestApp};

fn assert_sane(answer: &Response, asked: &str) {
    let asked: String = asked.chars().take(300).collect();
    let shown = || format!("{asked}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    assert!(matches!(answer.status, 200 | 400..=499), "{}", shown());
    let body: serde_json::Value =
        serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", shown()));
    let expected = if answer.status == 200 { "Bundle" } else { "OperationOutcome" };
    assert_eq!(body["resourceType"], expected, "{}", shown());
}

// covers S-05, S-30, S-31
#[rstest]
#[actix_web::test]
async fn control_characters_and_too_long_values_are_400(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for path in [
        "Patient?name=%00",
        "Patient?name=a%00b",
        "Patient?name%00=a",
        "Consent?_id=%1F",
        "Consent?patient:identifier=%00|%00",
        "Consent?patient.name=%00",
        "Consent?_sort=%00",
        "Consent?_elements=%07",
        "Consent?_include=%00",
        "Consent?_page=%00",
        "?_type=%00",
        "Questionnaire?url=%00",
    ] {
        let answer = get(&app, path).await;
        assert_sane(&answer, path);
        assert_eq!(answer.status, 400, "{path}");
    }
    let long = "x".repeat(7000);
    for path in [
        format!("Patient?name={long}"),
        format!("Consent?_id={long}"),
        format!("Consent?{long}=1"),
        format!("Consent?date=2026{long}"),
        format!("Consent?patient{}=1", ".patient".repeat(500)),
        format!("Consent?_sort={}", "patient,".repeat(500)),
        format!("Consent?{}", "status=active&".repeat(400)),
        format!("Consent?_page={}", "5b".repeat(3000)),
    ] {
        assert_sane(&get(&app, &path).await, &path);
    }
}

// covers S-30, S-31
#[rstest]
#[actix_web::test]
async fn too_many_search_alternatives_are_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let (few, many) = (vec!["a"; 200].join(","), vec!["a"; 201].join(","));
    for (kind, form, status) in [
        ("AuditEvent", format!("entity={few}"), 200),
        ("AuditEvent", format!("entity={many}"), 400),
        ("AuditEvent", vec![format!("entity={few}"); 5].join("&"), 200),
        ("QuestionnaireResponse", vec![format!("source={few}"); 5].join("&"), 200),
        ("AuditEvent", vec![format!("entity={few}"); 50].join("&"), 400),
        ("AuditEvent", vec!["entity=a"; 51].join("&"), 400),
    ] {
        let request = Request::new("POST", &format!("/FHIR/R4/{kind}/_search"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(&form);
        let answer = app.send(request).await;
        assert_sane(&answer, &form);
        assert_eq!(answer.status, status, "{}", &form[..8]);
        if status == 400 {
            assert_eq!(answer.json()["issue"][0]["code"], "too-costly");
        }
    }
}
