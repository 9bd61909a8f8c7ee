//! A search by subject finds every record of it, though the index of subjects leaves most accesses to roles out.

use rstest::rstest;

use crate::fhir::client::{get, send, send_well};
use crate::job::create_role;
use crate::registry_events::{renumbered, tell};
use crate::support::{Backend, TestApp, sql};
use crate::vrs::known::{LONER, MOTHER, SON};

#[rstest]
#[actix_web::test]
async fn a_search_by_subject_finds_every_record_of_it(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let unknown = "018f0000-0000-7000-8000-00000000ffff";
    // Reads of each kind, before and after the patient has another number; and some that are refused.
    for round in 0..2 {
        for path in ["", "/_history", "/_history/1", "/_history/9"] {
            send(&app, get(&format!("/Consent/{role}{path}"))).await;
        }
        send(&app, get(&format!("/Consent/{unknown}"))).await;
        for search in ["Consent", "RelatedPerson", "Patient", "QuestionnaireResponse"] {
            let found = send(&app, get(&format!("/{search}?_count=5"))).await.json();
            let entry = found["entry"][0]["resource"]["id"].as_str().unwrap_or(unknown).to_owned();
            send(&app, get(&format!("/{search}/{entry}"))).await;
        }
        if round == 0 {
            assert_eq!(tell(&app, &renumbered(LONER, SON, 21)).await, "applied");
        }
    }
    let url = app.database_url();
    let subjects = sql::values(
        &url,
        // (A search by a person also finds what was done to their data.)
        "SELECT subject || ' ' || CAST(count(*) AS TEXT) AS value FROM audit_records WHERE subject LIKE '%/%' AND subject NOT LIKE 'Patient/%' GROUP BY subject",
    );
    assert!(subjects.len() > 5, "{subjects:?}");
    assert!(subjects.iter().any(|subject| subject.starts_with(&format!("Consent/{role} "))), "{subjects:?}");
    for counted in subjects {
        let (subject, count) = counted.rsplit_once(' ').expect("a subject and its count");
        // Those whose people may still appear.
        let visible = sql::number(
            &url,
            &format!(
                "SELECT CAST(count(*) AS TEXT) AS value FROM audit_records a WHERE subject = '{subject}' AND NOT EXISTS \
                 (SELECT 1 FROM people p WHERE p.nhs_number IN (a.patient, a.proxy) AND p.standing <> 'current')"
            ),
        );
        let bundle = send_well(&app, get(&format!("/AuditEvent?entity={subject}&_summary=count")), 200).await;
        assert_eq!(bundle["total"], visible, "{subject} of {count}");
    }
}
