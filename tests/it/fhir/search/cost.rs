//! What an answer costs in SQL does not grow with what it holds.

use base::date_time::FhirDateTime;
use base::error::Error;
use domain::person::{Person, Standing};
use domain::proxy::relationship::RelationshipCode;
use domain::proxy::{LegalBasis, OdsCode, ReasonCode, Relationship, Role, RolePeriod, Status, StatusReason};
use rstest::rstest;
use uuid::Uuid;

use super::{bundle, entries};
use crate::support::{Backend, Options, TestApp, sandbox_contract};
use crate::vrs::callers::number;

/// What it costs to write down whose data were shown: two lookups, and a transaction for all who read now.
const JOURNAL: u64 = 7;
pub const FEW: &str = "9900000000";
pub const MANY: &str = "9910000000";

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

fn role(id: Uuid, proxy: &str, patient: &str) -> Role {
    Role {
        id,
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
    Relationship {
        active: true,
        id: format!("{proxy}-{patient}"),
        proxy: number(proxy),
        patient: number(patient),
        codes: vec![RelationshipCode { system, code: "PRN".to_owned(), display: None }],
        verified: true,
    }
}

/// Adds a role and a relationship of a proxy with a new patient.
pub async fn add(app: &TestApp, proxy: &'static str, patient: String, id: u128) {
    let now = app.now();
    let added: Result<(), Error> = app
        .store
        .write(move |tx| {
            for text in [proxy, &patient] {
                tx.insert_person_if_new(&person(text), now)?;
            }
            tx.insert_relationship(relationship(proxy, &patient), now)?;
            tx.insert_role(role(Uuid::from_u128(id), proxy, &patient), now)?;
            Ok(())
        })
        .await;
    added.expect("the database obeys");
}

/// A server that holds nothing yet.
pub async fn empty(backend: Backend) -> TestApp {
    let options = Options { contract: sandbox_contract(), is_seeded: false, ..Options::default() };
    TestApp::start(backend, options).await
}

#[rstest]
#[actix_web::test]
async fn a_page_of_forty_costs_as_many_statements_as_a_page_of_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = empty(backend).await;
    for at in 0..41 {
        add(&app, if at == 40 { FEW } else { MANY }, format!("99200000{at:02}"), at + 1).await;
    }
    // The first access of a process makes a file for its journal.
    bundle(&app, "Consent?_count=1").await;
    for (before, after, most) in [
        ("Consent?consentor=", "", 6),
        ("Consent?consentor:identifier=", "&status=active&_total=accurate", 7),
        ("Consent?_sort=-_lastUpdated&consentor=", "&_include=Consent:patient", 8),
        ("Consent?consentor=", "&_include=Consent:patient&_include=Consent:performer", 8),
        ("Consent?consentor=", "&_include=Consent:*&_revinclude=RelatedPerson:patient", 14),
        ("Consent?consentor=", "&_include=Consent:patient&_revinclude:iterate=RelatedPerson:patient", 20),
        ("RelatedPerson?identifier=", "&_include=*", 9),
        ("Patient?_has:Consent:patient:consentor=", "&_revinclude=Consent:patient", 9),
    ] {
        let mut costs = Vec::new();
        for (proxy, expected) in [(FEW, 1), (MANY, 40)] {
            let path = format!("{before}{proxy}{after}");
            let start = app.store.statements();
            let page = bundle(&app, &path).await;
            costs.push(app.store.statements() - start);
            assert_eq!(entries(&page, "match").len(), expected, "{path}");
        }
        assert_eq!(costs[0], costs[1], "{before}…{after}");
        assert!(costs[1] <= most + JOURNAL, "{before}…{after}: {costs:?}");
    }
}
