//! Contract §5 #4 "Latency matters": the number of SQL statements of a response does not grow with its size.

use base::error::Error;
use domain::person::{Person, Standing};
use domain::proxy::relationship::RelationshipCode;
use domain::proxy::{LegalBasis, OdsCode, ReasonCode, Relationship, Role, RolePeriod, Status, StatusReason};
use rstest::rstest;
use uuid::Uuid;

use base::date_time::FhirDateTime;

use crate::support::{Backend, Options, TestApp, sandbox_contract};
use crate::vrs::callers::number;
use crate::vrs::validated::validated;

/// What it costs to write the access down.
const JOURNAL: u64 = 5;
const FEW: &str = "9900000000";
const MANY: &str = "9910000000";

fn person(text: &str) -> Person {
    Person {
        died_at: None,
        version: 1,
        updated_at: chrono::DateTime::UNIX_EPOCH,
        nhs_number: number(text),
        standing: Standing::Current,
        names: Vec::new(),
        birth_date: None,
        practice: OdsCode::parse("A20047").ok(),
    }
}

fn role(at: u128, proxy: &str, patient: &str) -> Role {
    Role {
        id: Uuid::from_u128(at + 1),
        proxy: number(proxy),
        patient: number(patient),
        status: Status::Active,
        reason: StatusReason::new(ReasonCode::RoleCreated, None).expect("it needs no text"),
        legal_basis: LegalBasis::Consent,
        grantor: OdsCode::parse("A20047").ok(),
        period: RolePeriod::default(),
        created: FhirDateTime::parse("2026-11-20").expect("a day"),
        needs_review: false,
    }
}

fn relationship(proxy: &str, patient: &str) -> Relationship {
    let system = "http://terminology.hl7.org/CodeSystem/v3-RoleCode".to_owned();
    let code = RelationshipCode { system, code: "PRN".to_owned(), display: None };
    Relationship {
        active: true,
        id: format!("{proxy}-{patient}"),
        proxy: number(proxy),
        patient: number(patient),
        codes: vec![code],
        verified: true,
    }
}

/// One proxy with one role and one with forty, each with a relationship.
async fn fill(app: &TestApp) {
    let now = app.now();
    let filled: Result<(), Error> = app
        .store
        .write(move |tx| {
            for proxy in [FEW, MANY] {
                tx.insert_person_if_new(&person(proxy), now)?;
            }
            for at in 0..41 {
                let (proxy, patient) = (if at == 40 { FEW } else { MANY }, format!("99200000{at:02}"));
                tx.insert_person_if_new(&person(&patient), now)?;
                tx.insert_relationship(relationship(proxy, &patient), now)?;
                tx.insert_role(role(at, proxy, &patient), now)?;
            }
            Ok(())
        })
        .await;
    assert!(filled.is_ok());
}

/// How many statements a search sends, and how much it finds.
async fn cost(app: &TestApp, path: &str) -> (u64, serde_json::Value) {
    let before = app.store.statements();
    let answer = app.get(path).await;
    (app.store.statements() - before, validated(&answer)["total"].clone())
}

#[rstest]
#[actix_web::test]
async fn forty_roles_cost_as_many_statements_as_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let options = Options { contract: sandbox_contract(), is_seeded: false, ..Options::default() };
    let app = TestApp::start(backend, options).await;
    fill(&app).await;
    // The first access of a process makes a file for its journal.
    cost(&app, &format!("/Consent?performer:identifier={FEW}")).await;
    let both = "_include=Consent:performer&_include=Consent:patient";
    for (before, after, most) in [
        ("/Consent?performer:identifier=", format!("&{both}"), 9),
        ("/Consent?performer:identifier=", format!("&status=active&{both}"), 9),
        ("/Consent?performer:identifier=", String::new(), 4),
        ("/RelatedPerson?identifier=", "&_include=RelatedPerson:patient".to_owned(), 9),
    ] {
        let (few, one) = cost(&app, &format!("{before}{FEW}{after}")).await;
        let (many, forty) = cost(&app, &format!("{before}{MANY}{after}")).await;
        assert_eq!((one, forty), (1.into(), 40.into()), "{before}{after}");
        assert_eq!(few, many, "{before}{after}");
        assert!(many <= most + JOURNAL, "{before}{after}: {many}");
    }
}
