//! A line is rejected with the code and the location of a create.

use rstest::rstest;
use serde_json::{Value, json};

use super::report;
use crate::cli::SHORT;
use crate::fhir::bodies::{relationship, role};
use crate::fhir::client::{outcome_of, post, send};
use crate::support::{Backend, Folder, TestApp, bodies};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHER, NOBODY, PATIENTS};

fn refused() -> Vec<Value> {
    let good = role(LONER, PATIENTS[0]);
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let parent = body.pointer_mut(parent).expect("there is such an element");
        match parent {
            Value::Array(items) => {
                let place: usize = name.parse().expect("a place");
                items.splice(place..items.len().min(place + 1), [value]);
            }
            other => other[name] = value,
        }
        body
    };
    let without = |name: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(name);
        body
    };
    vec![
        relationship(LONER, PATIENTS[0]),
        without("resourceType"),
        json!([good]),
        with("/colour", "red".into()),
        with("/performer", json!({})),
        with("/scope", json!([])),
        with("/patient", json!([bodies::person(LONER)])),
        with("/dateTime", json!(2026)),
        without("status"),
        with("/status", "finished".into()),
        with("/status", "draft".into()),
        with("/dateTime", "yesterday".into()),
        without("dateTime"),
        without("policyRule"),
        without("extension"),
        without("performer"),
        with("/scope", json!({ "text": "x" })),
        with("/patient", json!({ "reference": "Group/1" })),
        with("/patient", bodies::person("12345")),
        with("/patient", bodies::person(NOBODY[0])),
        with("/provision/actor/0/reference", bodies::person(MOTHER)),
        with("/provision/period", json!({ "start": "2026-11-20", "end": "2026-11-19" })),
        with("/provision/period", json!({ "start": "2019-11-20", "end": "2020-11-19" })),
        with("/provision/type", "deny".into()),
        with("/extension", json!([bodies::reason("ROLE_CREATED")])),
        with("/extension/0", bodies::reason("ROLE_ENJOYED")),
        with("/extension/0", bodies::reason("OTHER")),
        with("/extension/1", bodies::grantor("!")),
        with("/extension/2", bodies::reason("ROLE_CREATED")),
        with("/identifier", json!([{ "value": "ours-1" }])),
        with("/policyRule/coding/0/code", "because".into()),
        role(LONER, LONER),
        role(NOBODY[0], LONER),
    ]
}

#[rstest]
#[actix_web::test]
async fn import_line_is_rejected_as_a_create_is(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let mut wanted = Vec::new();
    for body in refused() {
        let answer = send(&app, post("/Consent", &body)).await;
        assert!((400..500).contains(&answer.status), "{body}");
        let (_, code, at) = outcome_of(&answer);
        wanted.push((code, at));
    }
    footprint.check_untouched("refused creates");
    let folder = Folder::new();
    let text: String = refused().iter().map(|line| format!("{line}\n")).collect();
    let file = folder.write("roles.ndjson", &text);
    let url = app.database_url();
    let ended =
        folder.run_in(&["import", &file, "--report", "left.ndjson", "--database", &url], &number_check());
    assert_eq!(ended.code, Some(1), "{}", ended.printed());
    let got: Vec<(String, String)> = report(&folder, "left.ndjson")
        .iter()
        .map(|line| {
            let issue = &line["issue"][0];
            let text = |name: &str| issue[name].as_str().unwrap_or_default().to_owned();
            (text("code"), text("expression"))
        })
        .collect();
    for (number, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
        assert_eq!(got, wanted, "{}", refused()[number]);
    }
    assert_eq!(got.len(), wanted.len());
    footprint.check_untouched("refused lines");
}

/// The settings of the application of the test.
fn number_check() -> [(&'static str, &'static str); 1] {
    match crate::support::strict_contract().nhs_number_check {
        domain::person::NumberCheck::Length => SHORT,
        domain::person::NumberCheck::Modulus11 => [("ONBEHALF__CONTRACT__NHS_NUMBER_CHECK", "modulus-11")],
    }
}
