//! Content of resources: `$validate`, `$everything`, compartments (checks V-01 to V-10, §1.7).

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{one_of_each, role};
use crate::fhir::client::{
    entries, get, link, outcome_of, path_of, places, post, put, request, send, send_well,
};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{CHILD, LONER, MOTHER, MOTHERS_ROLE, NO_SUCH_ID, NOBODY, PATIENTS};

fn severities(outcome: &Value) -> Vec<&str> {
    let issues = outcome["issue"].as_array().expect("issues").iter();
    issues.filter_map(|issue| issue["severity"].as_str()).collect()
}

// covers V-01, V-07, R-13, G-17
#[rstest]
#[actix_web::test]
async fn validate_operation_reports_every_issue_and_writes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (path, body) in one_of_each(LONER, PATIENTS[0]) {
        let wrapped = json!({
            "resourceType": "Parameters",
            "parameter": [{ "name": "resource", "resource": body }],
        });
        for given in [&body, &wrapped] {
            let outcome = send_well(&app, post(&format!("{path}/$validate"), given), 200).await;
            assert!(!severities(&outcome).contains(&"error"), "{path}: {outcome}");
        }
    }
    let mut wrong = role(LONER, PATIENTS[0]);
    wrong["colour"] = "red".into();
    wrong["status"] = "finished".into();
    wrong["dateTime"] = "yesterday".into();
    wrong["organization"] = json!([{ "display": "x" }]);
    wrong["patient"] = bodies::person("1");
    wrong.as_object_mut().expect("an object").remove("scope");
    let wanted = ["colour", "status", "dateTime", "organization", "scope"];
    for path in
        ["/Consent/$validate".to_owned(), format!("/Consent/{MOTHERS_ROLE}/$validate"), "/Consent".to_owned()]
    {
        let answer = send(&app, post(&path, &wrong)).await;
        let outcome = answer.json();
        assert_eq!(answer.status == 200, path.ends_with("$validate"), "{path}");
        for name in wanted {
            let at = format!("Consent.{name}");
            assert!(places(&outcome).contains(&at), "{path}: {at} in {outcome:#}");
        }
    }
    let warned = send_well(&app, post("/Consent/$validate", &role(LONER, PATIENTS[0])), 200).await;
    assert!(severities(&warned).contains(&"warning"), "an extensible binding: {warned}");
    let held = send_well(&app, get(&format!("/Consent/{MOTHERS_ROLE}/$validate")), 200).await;
    assert!(!severities(&held).contains(&"error"), "{held}");
    for (request, status) in [
        (request("POST", "/Consent/$validate"), 400),
        (get(&format!("/Consent/{NO_SUCH_ID}/$validate")), 404),
        (post("/Observation/$validate", &json!({ "resourceType": "Observation" })), 404),
    ] {
        assert_eq!(outcome_of(&send(&app, request).await).0, status);
    }
    footprint.check_untouched("validation");
}

// covers S-02
#[rstest]
#[actix_web::test]
async fn everything_operation_returns_the_patient_compartment(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let everything = format!("/Patient/{CHILD}/$everything");
    let whole = send_well(&app, get(&everything), 200).await;
    assert_eq!(whole["type"], "searchset");
    // Every read of the audit record adds a record: those from the beginning come first.
    let lasting = |bundle: &Value| {
        let mut found = entries(bundle);
        found.retain(|resource| resource["resourceType"] != "AuditEvent");
        found
    };
    assert_eq!(entries(&whole).len() - lasting(&whole).len(), 3);
    let found = lasting(&whole);
    assert_eq!((&found[0]["resourceType"], &found[0]["id"]), (&"Patient".into(), &CHILD.into()));
    for resource in &found[1..] {
        assert!(resource.to_string().contains(&format!("Patient/{CHILD}")), "{resource}");
    }
    for kind in ["Consent", "RelatedPerson", "QuestionnaireResponse", "Provenance"] {
        let compartment = get(&format!("/Patient/{CHILD}/{kind}?_count=500"));
        let part = entries(&send_well(&app, compartment, 200).await);
        let same: Vec<_> =
            found.iter().filter(|resource| resource["resourceType"] == kind).cloned().collect();
        assert_eq!(part.len(), same.len(), "{kind}");
        let typed = send_well(&app, get(&format!("{everything}?_type={kind}")), 200).await;
        assert_eq!(entries(&typed).len(), same.len(), "{kind}");
    }
    let all = send_well(&app, get(&format!("/Patient/{CHILD}/*?_count=500")), 200).await;
    assert_eq!(lasting(&all).len() + 1, found.len());
    let mut seen = 0;
    let mut next = Some(format!("{everything}?_count=1"));
    while let Some(page) = next {
        let page = send_well(&app, get(&page), 200).await;
        seen += lasting(&page).len();
        next = link(&page, "next").map(|url| path_of(&app, &url));
    }
    assert_eq!(seen, found.len());
    let posted = send_well(&app, request("POST", &everything), 200).await;
    assert_eq!(lasting(&posted).len(), found.len());
    app.clock.advance(TimeDelta::hours(1));
    let since = "_since=2026-11-22T12:30:00Z&_type=Consent";
    assert!(entries(&send_well(&app, get(&format!("{everything}?{since}")), 200).await).is_empty());
    let mut held = send_well(&app, get(&format!("/Consent/{MOTHERS_ROLE}")), 200).await;
    held["provision"]["period"]["end"] = "2027-01-01".into();
    send_well(&app, put(&format!("/Consent/{MOTHERS_ROLE}"), &held), 200).await;
    let later = entries(&send_well(&app, get(&format!("{everything}?{since}")), 200).await);
    assert_eq!((later.len(), &later[0]["id"]), (1, &MOTHERS_ROLE.into()));
    for path in [
        format!("/Patient/{}/$everything", NOBODY[0]),
        format!("/Patient/{}/Consent", NOBODY[0]),
        format!("/Patient/{MOTHER}/Questionnaire"),
        format!("/Consent/{MOTHERS_ROLE}/$everything"),
        format!("/Consent/{MOTHERS_ROLE}/Consent"),
    ] {
        assert_eq!(outcome_of(&send(&app, get(&path)).await).0, 404, "{path}");
    }
}
