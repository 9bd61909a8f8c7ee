//! A person who is not in good standing is in no response, and neither is any resource between them and
//! others.

use domain::person::Standing;
use rstest::rstest;
use serde_json::json;

use crate::fhir::bodies::{access_request, role};
use crate::fhir::client::{get, outcome_of, patch, post, send, send_well};
use crate::support::{Backend, TestApp};
use crate::vrs::callers::number;
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{CHILD, LONER, MOTHER, MOTHERS_ROLE, NOBODY};

pub async fn stand(app: &TestApp, principal: &str, standing: Standing) {
    let (principal, now) = (number(principal), app.now());
    let saved: Result<_, base::error::Error> =
        app.store.write(move |tx| tx.save_standing(principal, standing, now)).await;
    assert!(saved.is_ok());
}

// covers, V-10, S-16
#[rstest]
#[actix_web::test]
async fn hidden_person_is_in_no_response(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let end = json!([{ "op": "replace", "path": "/provision/period/end", "value": "2027-01-01" }]);
    for (person, other) in [(MOTHER, CHILD), (CHILD, MOTHER)] {
        for standing in [Standing::Invalidated, Standing::Restricted, Standing::Superseded] {
            let row = format!("{person} is {}", standing.as_str());
            stand(&app, person, standing).await;
            let role_path = format!("/Consent/{MOTHERS_ROLE}");
            for path in [
                role_path.clone(),
                format!("{role_path}/_history"),
                format!("{role_path}/_history/1"),
                "/RelatedPerson/BE974742".to_owned(),
                "/RelatedPerson/BE974742/_history".to_owned(),
                format!("/Patient/{person}"),
                format!("/Patient/{person}/$everything"),
                format!("/Patient/{person}/Consent"),
            ] {
                assert_eq!(send(&app, get(&path)).await.status, 404, "{row}: {path}");
            }
            assert_eq!(send(&app, patch(&role_path, &end)).await.status, 404, "{row}");
            for path in [
                format!("/Consent?consentor:identifier={person}"),
                format!("/Consent?patient:identifier={other}&_include=Consent:performer"),
                format!("/Consent?consentor:identifier={other}&_include=Consent:patient"),
                format!(
                    "/Patient?identifier={other}&_revinclude=Consent:patient&_revinclude=Consent:performer"
                ),
                "/_history?_count=500".to_owned(),
                "/RelatedPerson?_count=500".to_owned(),
                format!("/Patient/{other}/$everything"),
            ] {
                let seen = send_well(&app, get(&path), 200).await;
                let entries = seen["entry"].to_string();
                assert!(!entries.contains(&format!("Patient/{person}")), "{row}: {path}: {entries}");
                assert!(!entries.contains(MOTHERS_ROLE), "{row}: {path}");
            }
            for body in [role(LONER, person), role(person, LONER)] {
                let (status, code, _) = outcome_of(&send(&app, post("/Consent", &body)).await);
                assert_eq!((status, code.as_str()), (422, "business-rule"), "{row}");
            }
            footprint.check_untouched(&row);
            stand(&app, person, Standing::Current).await;
            assert_eq!(send(&app, get(&role_path)).await.status, 200, "{row}, and again current");
        }
    }
}

// covers G-16, V-10
#[rstest]
#[actix_web::test]
async fn access_request_for_a_hidden_pair_reveals_no_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let submit = |proxy: &str, patient: &str| post("/QuestionnaireResponse", &access_request(proxy, patient));
    let duplicate = send(&app, submit(MOTHER, CHILD)).await;
    assert_eq!(outcome_of(&duplicate).0, 409, "the role can be seen");
    for person in [MOTHER, CHILD] {
        for standing in [Standing::Invalidated, Standing::Restricted, Standing::Superseded] {
            stand(&app, person, standing).await;
            let mut footprint = Footprint::of(&app);
            for (proxy, patient) in [(MOTHER, NOBODY[0]), (NOBODY[0], CHILD), (MOTHER, CHILD)] {
                let created = send(&app, submit(proxy, patient)).await;
                let row = format!("{person} {standing:?}: {proxy} for {patient}");
                assert_eq!((created.status, footprint.grown()), (201, Rows::SUBMITTED), "{row}");
            }
            stand(&app, person, Standing::Current).await;
        }
    }
}
