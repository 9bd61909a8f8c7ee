//! Whatever a query string holds, the answer is a searchset or a refusal, never a fault.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use rstest::rstest;

use super::get;
use crate::support::{Backend, Request, Response, TestApp};

const TYPES: [&str; 12] = [
    "Consent",
    "RelatedPerson",
    "QuestionnaireResponse",
    "Patient",
    "Person",
    "Questionnaire",
    "StructureDefinition",
    "CodeSystem",
    "ValueSet",
    "SearchParameter",
    "AuditEvent",
    "Provenance",
];

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
async fn control_characters_and_endless_values_are_refused(
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
async fn more_alternatives_than_a_statement_can_bind_are_refused(
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

fn a_name() -> impl Strategy<Value = String> {
    let known = [
        "patient",
        "consentor",
        "performer",
        "status",
        "date",
        "period",
        "_id",
        "_lastUpdated",
        "_sort",
        "_count",
        "_total",
        "_summary",
        "_elements",
        "_include",
        "_revinclude",
        "_page",
        "_type",
        "_has",
        "identifier",
        "name",
        "birthdate",
        "relationship",
        "entity",
        "url",
        "code",
        "_profile",
        "_format",
        "source",
        "questionnaire",
        "grantor",
        "_contained",
        "title",
        "effective",
    ];
    let modifiers = [
        "",
        ":not",
        ":text",
        ":in",
        ":not-in",
        ":missing",
        ":exact",
        ":contains",
        ":identifier",
        ":Patient",
        ":above",
        ":below",
        ":of-type",
        ":iterate",
        ":x",
        ":",
        ".",
        ".name",
        ".identifier",
        ":Patient.name",
        ":Consent:patient:status",
        "%00",
    ];
    let name =
        prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[!-~]{0,8}"];
    (name, prop::sample::select(modifiers.to_vec())).prop_map(|(name, modifier)| format!("{name}{modifier}"))
}

fn a_value() -> impl Strategy<Value = String> {
    let known = [
        "9000000009",
        "Patient/9000000009",
        "active",
        "true",
        "false",
        "2026",
        "ge2026-11-22",
        "ap0001",
        "ne9999-12-31T23:59:59Z",
        "2026-11-22T10:00",
        "2026-03-29T01:30",
        "|",
        "a|b",
        "|a",
        "a|",
        "\\",
        "\\,",
        ",",
        ",,",
        "*",
        "Consent:patient",
        "Consent:*",
        "count",
        "-1",
        "0",
        "1",
        "99999999999999999999",
        "-_lastUpdated,x",
        "%25",
        "%F0%9F%92%A9",
        "%C3%93",
        "%FF%FE",
        "'",
        "\"",
        "a'%20OR%201=1--",
        "%",
        "+",
        "5b2230222c22222c5b5d5d",
        "https://fhir.onbehalf.org.uk/R4/ValueSet/proxy-role-status",
    ];
    let value =
        prop_oneof![3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[!-~]{0,20}"];
    prop::collection::vec(value, 1..3).prop_map(|values| values.join(","))
}

#[rstest]
#[actix_web::test]
async fn any_query_string_is_answered_or_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut runner = TestRunner::new(Config::default());
    let query = prop::collection::vec((a_name(), a_value()), 0..4);
    for round in 0..40 {
        for kind in TYPES {
            let pairs = query.new_tree(&mut runner).expect("a value").current();
            let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            // What ends the query string, or has no place in a request line, is not about search.
            let query: String =
                pairs.join("&").chars().filter(|letter| !"#<>\"`{}^\\".contains(*letter)).collect();
            let path = if round % 8 == 7 { format!("?{query}") } else { format!("{kind}?{query}") };
            if !path.contains("_format") {
                assert_sane(&get(&app, &path).await, &path);
            }
        }
    }
}
