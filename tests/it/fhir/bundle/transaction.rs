//! Transaction.

use rstest::rstest;
use serde_json::{Value, json};

use super::{ask, bundle, give, statuses};
use crate::fhir::bodies::{fhirpath_replace, relationship, role};
use crate::fhir::client::{get, outcome_of, post, send, send_well};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{CHILD, ENDING, LONER, MOTHER, MOTHERS_ROLE, NO_SUCH_ID, PATIENTS};

fn move_end(id: &str, date: &str) -> Value {
    let patch = fhirpath_replace("Consent.provision.period.end", "valueDateTime", date.into());
    give("PATCH", &format!("Consent/{id}"), &patch)
}

async fn ended(app: &TestApp, id: &str) -> Value {
    let mut held = send_well(app, get(&format!("/Consent/{id}")), 200).await;
    held["status"] = "inactive".into();
    held["extension"][0] = bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING");
    held
}

// covers B-01, B-06, B-07
#[rstest]
#[actix_web::test]
async fn transaction_is_processed_in_r4_order_and_answered_in_entry_order(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let search = format!("Consent?consentor:identifier={LONER}&_summary=count");
    let entries = [
        ask("GET", &search),
        ask("GET", &format!("Consent/{MOTHERS_ROLE}")),
        give("PUT", &format!("Consent/{MOTHERS_ROLE}"), &ended(&app, MOTHERS_ROLE).await),
        move_end(ENDING, "2027-04-04"),
        give("POST", "Consent", &role(LONER, PATIENTS[0])),
        give("POST", "RelatedPerson", &relationship(LONER, PATIENTS[0])),
    ];
    let answer = send_well(&app, post("", &bundle("transaction", &entries)), 200).await;
    assert_eq!(answer["type"], "transaction-response");
    assert_eq!(statuses(&answer), ["200", "200", "200", "200", "201", "201"]);
    assert_eq!(answer["entry"][0]["resource"]["total"], 1, "reads come last");
    assert_eq!(answer["entry"][1]["resource"]["status"], "inactive");
    assert_eq!(answer["entry"][3]["resource"]["provision"]["period"]["end"], "2027-04-04");
    let grown = footprint.grown();
    assert_eq!((grown.roles, grown.versions, grown.acts), (1, 3, 4));
    let empty = send_well(&app, post("", &bundle("transaction", &[])), 200).await;
    assert_eq!((&empty["type"], empty.get("entry")), (&"transaction-response".into(), None));
}

// covers B-02, B-03, B-06
#[rstest]
#[actix_web::test]
async fn failed_entry_rolls_back_the_transaction(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let mut held = send_well(&app, get(&format!("/Consent/{MOTHERS_ROLE}")), 200).await;
    held["provision"]["period"]["end"] = "2027-04-04".into();
    let by_condition = format!("Consent?consentor:identifier={MOTHER}&patient:identifier={CHILD}");
    let mut stale = move_end(ENDING, "2027-04-04");
    stale["request"]["ifMatch"] = "W/\"7\"".into();
    let mut many = give("POST", "Consent", &role(LONER, PATIENTS[1]));
    many["request"]["ifNoneExist"] = "status=active".into();
    let named = |name: &str, patient| {
        let mut entry = give("POST", "Consent", &role(LONER, patient));
        entry["fullUrl"] = name.into();
        entry
    };
    let urn = "urn:uuid:0e5fb8e1-5f8c-4d0e-9d40-0a6d5e6a9b11";
    for (row, entries, status) in [
        ("a rule", vec![give("POST", "Consent", &role(LONER, LONER))], 422),
        ("a second role", vec![give("POST", "Consent", &role(MOTHER, CHILD))], 409),
        ("the same role twice", vec![give("POST", "Consent", &role(LONER, PATIENTS[0]))], 409),
        ("an invalid body", vec![give("POST", "Consent", &json!({ "resourceType": "Consent" }))], 422),
        ("an unknown id", vec![ask("GET", &format!("Consent/{NO_SUCH_ID}"))], 404),
        (
            "a type that is read only",
            vec![give("POST", "Patient", &json!({ "resourceType": "Patient" }))],
            405,
        ),
        ("a stale version", vec![stale], 412),
        ("a condition with many", vec![many], 412),
        ("a bad search", vec![ask("GET", "Consent?status:nonsense=x")], 400),
        ("two changes of one", vec![move_end(ENDING, "2027-04-04"), move_end(ENDING, "2027-05-05")], 400),
        (
            "two changes of one, by condition",
            vec![
                give("PUT", &format!("Consent/{MOTHERS_ROLE}"), &held),
                give("PATCH", &by_condition, &move_end("", "2027-05-05")["resource"]),
            ],
            400,
        ),
        ("one name twice", vec![named(urn, PATIENTS[2]), named(urn, PATIENTS[3])], 400),
        ("another type", vec![give("POST", "Consent", &relationship(LONER, PATIENTS[0]))], 400),
    ] {
        let mut all = vec![give("POST", "Consent", &role(LONER, PATIENTS[0]))];
        all.extend(entries);
        let answer = send(&app, post("", &bundle("transaction", &all))).await;
        let (got, _, place) = outcome_of(&answer);
        assert_eq!(got, status, "{row}: {}", answer.json());
        assert!(place.starts_with("Bundle.entry["), "{row}: {}", answer.json());
        footprint.check_untouched(row);
    }
    let alone = bundle("transaction", &[give("POST", "Consent", &role(LONER, PATIENTS[0]))]);
    send_well(&app, post("", &alone), 200).await;
    assert_eq!(footprint.grown(), Rows::CREATED);
}
