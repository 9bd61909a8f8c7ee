//! People who have died or may not appear, in every operation: the whole table of `person::state`, for
//! patient and proxy.

use base::clock::Clock as _;
use base::error::Error;
use domain::account::identity::{Proven, ProvenKind};
use domain::account::{Principal, Proofing, Vector};
use domain::person::{PersonOperation, PersonState, Verdict, decide_person};
use rstest::rstest;
use serde_json::{Value, json};
use service::account::log_in;
use service::job::JOBS;
use service::proxy::{Seed, remind_of_end, seed};

use super::{DEATH, event, tell};
use crate::fhir::bodies::{relationship, role};
use crate::fhir::client::{get, patch, post, send, with_resource};
use crate::job::{create_role, status};
use crate::support::token::registration;
use crate::support::{Backend, Options, Response, TestApp, TestDatabase, bodies, sql, strict_contract};
use crate::vrs::callers::number;
use crate::vrs::known::{LONER, MOTHER, PATIENTS, SON};

/// The two sides of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Patient,
    Proxy,
}

/// The person of the table, and those on the other side.
const PERSON: &str = LONER;
const OTHERS: [&str; 7] = [MOTHER, SON, PATIENTS[1], PATIENTS[2], PATIENTS[3], PATIENTS[4], PATIENTS[5]];

/// A server with roles of the person to six others, before anything happens to the person.
struct Stage {
    app: TestApp,
    side: Side,
    state: PersonState,
    roles: Vec<String>,
    token: String,
}

impl Side {
    fn pair(self, other: &'static str) -> (&'static str, &'static str) {
        match self {
            Self::Patient => (other, PERSON),
            Self::Proxy => (PERSON, other),
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Patient => "INVALID_PATIENT",
            Self::Proxy => "INVALID_PERFORMER",
        }
    }
}

impl Stage {
    async fn set(backend: Backend, side: Side, state: PersonState) -> Self {
        let registrations = vec![registration()];
        let app = TestApp::start(
            backend,
            Options { contract: strict_contract(), registrations, ..Options::default() },
        )
        .await;
        let mut roles = Vec::new();
        for other in OTHERS.iter().take(4) {
            let (proxy, patient) = side.pair(other);
            roles.push(create_role(&app, proxy, patient).await);
        }
        let (proxy, patient) = side.pair(OTHERS[0]);
        let acting = Principal::Proxy {
            proxy: number(proxy),
            patient: number(patient),
            role: uuid::Uuid::parse_str(&roles[0]).expect("an id"),
        };
        let token = app.token(&acting, "patient/*.rs").await;
        let path = format!("/Consent/{}", roles[1]);
        let suspended = send(&app, patch(&path, &bodies::suspend())).await;
        assert_eq!(suspended.status, 200, "{suspended:?}");
        let set = Self { app, side, state, roles, token };
        set.happen().await;
        set
    }

    /// What has happened to the person.
    async fn happen(&self) {
        let standing = match self.state {
            PersonState::Alive => return,
            PersonState::Died => {
                assert_eq!(tell(&self.app, &event(DEATH, PERSON, 21)).await, "applied");
                // As an earlier version leaves it that creates a role during a rolling upgrade.
                let id = &self.roles[2];
                let active = format!(
                    "UPDATE roles SET status = 'active', reason_code = 'ROLE_CREATED' WHERE id = '{id}'"
                );
                return sql::execute(&self.app.database_url(), &active);
            }
            PersonState::Restricted => "restricted",
            PersonState::Invalidated => "invalidated",
            PersonState::Superseded => "superseded",
        };
        let update = format!("UPDATE people SET standing = '{standing}' WHERE nhs_number = '{PERSON}'");
        sql::execute(&self.app.database_url(), &update);
    }

    fn pair(&self, other: &'static str) -> (&'static str, &'static str) {
        self.side.pair(other)
    }

    #[track_caller]
    fn assert_status(&self, operation: PersonOperation, what: &str, answer: &Response, expected: u16) {
        let (state, side, body) = (self.state, self.side, String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.status, expected, "{operation:?}, {state:?}, {side:?}, {what}: {body}");
        let names = body.contains("has died");
        let may = decide_person(self.state, operation) == Verdict::Refused;
        assert!(!names || may, "{operation:?}, {state:?}, {what}: the answer tells of the death: {body}");
    }

    /// What every way to create a role answers.
    async fn create(&self, operation: PersonOperation, change: impl Fn(&mut Value)) {
        let verdict = decide_person(self.state, operation);
        let (proxy, patient) = self.pair(OTHERS[4]);
        let (mut vrs, mut r4) = (bodies::consent(proxy, patient), role(proxy, patient));
        change(&mut vrs);
        change(&mut r4);
        if verdict == Verdict::Allowed {
            self.assert_status(operation, "R4", &send(&self.app, post("/Consent", &r4)).await, 201);
            let (proxy, patient) = self.pair(OTHERS[5]);
            let mut vrs = bodies::consent(proxy, patient);
            change(&mut vrs);
            self.assert_status(operation, "VRS", &self.app.post("/Consent", &vrs).await, 201);
        } else {
            let answer = self.app.post("/Consent", &vrs).await;
            self.assert_status(operation, "VRS", &answer, 422);
            assert_eq!(answer.code(), self.side.code());
            let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
                { "resource": r4, "request": { "method": "POST", "url": "Consent" } },
            ]});
            let answer = send(&self.app, with_resource("POST", "", &bundle)).await;
            self.assert_status(operation, "transaction", &answer, 422);
            let conditional =
                post("/Consent", &r4).header("If-None-Exist", &format!("patient={patient}&performer=1"));
            self.assert_status(operation, "If-None-Exist", &send(&self.app, conditional).await, 422);
            self.assert_status(operation, "R4", &send(&self.app, post("/Consent", &r4)).await, 422);
            assert_eq!(self.app.count_rows("roles WHERE created_text = '2026-11-20T09:00:00Z'"), 4);
        }
    }

    async fn change(&self, operation: PersonOperation, id: &str, to: &Value) {
        let (r4, vrs, code) = match decide_person(self.state, operation) {
            Verdict::Allowed => (200, 200, ""),
            Verdict::Refused => (422, 422, self.side.code()),
            Verdict::AsUnknown => (404, 404, ""),
        };
        if operation == PersonOperation::ActivateRole || self.state != PersonState::Died {
            let answer = self.app.patch(&format!("/Consent/{id}"), to).await;
            self.assert_status(operation, "VRS", &answer, vrs);
            assert!(code.is_empty() || answer.code() == code, "{}", answer.code());
        }
        if operation == PersonOperation::EndRole && decide_person(self.state, operation) == Verdict::Allowed {
            if self.state == PersonState::Died {
                let answer = send(&self.app, patch(&format!("/Consent/{id}"), &bodies::suspend())).await;
                self.assert_status(operation, "R4", &answer, r4);
            }
            assert_eq!(status(&self.app, id).await.0, "inactive");
        }
    }

    /// Carries out an operation and checks the response.
    async fn try_operation(&self, operation: PersonOperation) {
        let verdict = decide_person(self.state, operation);
        let is_allowed = verdict == Verdict::Allowed;
        match operation {
            PersonOperation::CreateRole => self.create(operation, |_| {}).await,
            PersonOperation::RecordDecision => {
                self.create(operation, |body| {
                    body["status"] = "rejected".into();
                    body["extension"] = json!([bodies::reason("APPLICATION_REJECTED_NOT_NEEDED")]);
                })
                .await;
            }
            PersonOperation::ActivateRole => {
                let to = [bodies::reason("ROLE_REACTIVATED"), bodies::grantor("A20047")];
                self.change(operation, &self.roles[1], &bodies::move_to("active", &to)).await;
            }
            PersonOperation::EndRole => {
                let to = [bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")];
                self.change(operation, &self.roles[2], &bodies::move_to("inactive", &to)).await;
            }
            PersonOperation::SeedRole => {
                assert_eq!(self.seed().await.is_ok(), is_allowed, "{operation:?}, {:?}", self.state);
            }
            PersonOperation::NameInRequest => {
                let (proxy, patient) = self.pair(OTHERS[6]);
                let answer =
                    self.app.post("/QuestionnaireResponse", bodies::access_request(proxy, patient)).await;
                self.assert_status(operation, "VRS", &answer, 200);
            }
            PersonOperation::RecordRelationship => {
                let (proxy, patient) = self.pair(OTHERS[5]);
                let answer = send(&self.app, post("/RelatedPerson", &relationship(proxy, patient))).await;
                self.assert_status(operation, "R4", &answer, if is_allowed { 201 } else { 422 });
            }
            PersonOperation::LogIn => {
                assert_eq!(self.log_in().await, is_allowed, "{operation:?}, {:?}", self.state);
            }
            PersonOperation::UseGrant => {
                let read = get(&format!("/Consent/{}", self.roles[0])).bearer(&self.token);
                let answer = send(&self.app, read).await;
                self.assert_status(operation, "acting", &answer, if is_allowed { 200 } else { 401 });
                let own = Principal::Citizen { nhs_number: number(PERSON), proofing: Proofing::P9 };
                let own = self.app.token(&own, "user/*.rs").await;
                let answer = send(&self.app, get("/Consent").bearer(&own)).await;
                self.assert_status(operation, "as themselves", &answer, if is_allowed { 200 } else { 401 });
            }
            PersonOperation::SendMessage => {
                assert_eq!(self.messages().await, i64::from(is_allowed), "{:?}", self.state);
            }
        }
    }

    async fn seed(&self) -> Result<(), Error> {
        let (proxy, patient) = self.pair(OTHERS[5]);
        let (clock, id) = (self.app.clock.clone(), uuid::Uuid::parse_str(&self.roles[3]).expect("an id"));
        let (proxy, patient) = (number(proxy), number(patient));
        let seeded = move |tx: &mut store::Tx<'_>| {
            let model = tx.list_role_versions(id)?.remove(0);
            let role = domain::proxy::Role { id: uuid::Uuid::now_v7(), proxy, patient, ..model.value };
            let roles = vec![(role, clock.now())];
            seed(tx, &*clock, Seed { roles, ..Seed::default() }).map(|_| ())
        };
        self.app.store.write(seeded).await
    }

    async fn log_in(&self) -> bool {
        let vot = Vector::parse("P9.Cp.Cd").expect("a vector");
        let kind = ProvenKind::Citizen { nhs_number: Some(number(PERSON)), vot };
        let (issuer, subject) = ("https://login.example".to_owned(), "person".to_owned());
        let (proven, clock) = (Proven { issuer, subject, kind, email: None }, self.app.clock.clone());
        self.app.store.write(move |tx| log_in(tx, &*clock, &proven)).await.is_ok()
    }

    /// The number of messages to the person for a reminder.
    async fn messages(&self) -> i64 {
        let (clock, id) = (self.app.clock.clone(), self.roles[3].clone());
        let remind = move |tx: &mut store::Tx<'_>| remind_of_end(tx, &*clock, &id, -30);
        let reminded: Result<bool, Error> = self.app.store.write(remind).await;
        reminded.expect("the database obeys");
        self.app.count_rows(&format!("messages WHERE person = '{PERSON}'"))
    }
}

#[rstest]
#[actix_web::test]
async fn every_operation_treats_each_person_state_as_documented(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Side::Patient, Side::Proxy)] side: Side,
) {
    for state in PersonState::ALL {
        for operation in PersonOperation::ALL {
            // The effects of one operation must not hinder another.
            if operation == PersonOperation::CreateRole {
                Stage::set(backend, side, state).await.try_operation(operation).await;
            }
        }
        let stage = Stage::set(backend, side, state).await;
        for operation in PersonOperation::ALL.into_iter().filter(|operation| {
            *operation != PersonOperation::CreateRole && *operation != PersonOperation::SeedRole
        }) {
            stage.try_operation(operation).await;
        }
        Stage::set(backend, side, state).await.try_operation(PersonOperation::SeedRole).await;
    }
}

/// The Patient of a person who has died has `deceased`, and another version.
#[rstest]
#[actix_web::test]
async fn patient_deceased_is_read_and_searched_and_changes_version_and_etag(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("/Patient/{PERSON}");
    let before = send(&app, get(&path)).await;
    assert!(before.json().get("deceasedBoolean").is_none());
    let etag = before.header("etag").expect("an ETag").to_owned();
    let found = async |query: &str| {
        let bundle = send(&app, get(&format!("/Patient?_id={PERSON}&{query}"))).await.json();
        bundle["total"].as_i64().expect("a total")
    };
    assert_eq!((found("deceased=true").await, found("deceased=false").await), (0, 1));
    app.clock.advance(chrono::TimeDelta::minutes(1));
    assert_eq!(tell(&app, &event(DEATH, PERSON, 21)).await, "applied");
    let after = send(&app, get(&path).header("If-None-Match", &etag)).await;
    assert_eq!((after.status, &after.json()["deceasedBoolean"]), (200, &true.into()));
    assert_eq!(after.json()["meta"]["versionId"], "2");
    assert_ne!(after.json()["meta"]["lastUpdated"], before.json()["meta"]["lastUpdated"]);
    assert_eq!((found("deceased=true").await, found("deceased=false").await), (1, 0));
    let all = send(&app, get("/Patient?deceased=true")).await.json();
    assert_eq!(all["total"], 1);
    assert_eq!(found("deceased:missing=false").await, 1);
}

/// A reported death of an unknown person applies when the person becomes known.
#[rstest]
#[actix_web::test]
async fn early_death_notification_applies_when_the_person_is_known(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let unknown = crate::vrs::known::NOBODY[0];
    let text = event(DEATH, unknown, 21);
    assert_eq!(tell(&app, &text).await, "unknown-person");
    let mut again = text.clone();
    again["id"] = "another one".into();
    assert_eq!(tell(&app, &again).await, "unknown-person");
    assert_eq!(app.count_rows("audit_records WHERE act = 'person-died'"), 1);
    let now = app.now();
    let person = domain::person::Person {
        nhs_number: number(unknown),
        standing: domain::person::Standing::Current,
        names: Vec::new(),
        birth_date: None,
        practice: None,
        died_at: None,
        version: 1,
        updated_at: now,
    };
    let inserted: Result<bool, Error> =
        app.store.write(move |tx| tx.insert_person_if_new(&person, now)).await;
    assert!(inserted.expect("the database obeys"));
    let patient = send(&app, get(&format!("/Patient/{unknown}"))).await.json();
    assert_eq!(patient["deceasedBoolean"], true);
    let answer = app.post("/Consent", bodies::consent(MOTHER, unknown)).await;
    assert_eq!(answer.status_and_code(), (422, "INVALID_PATIENT".to_owned()));
    // Reported once more, with the person known: nothing is new.
    again["id"] = "a third one".into();
    assert_eq!(tell(&app, &again).await, "known");
}

/// A role that an earlier version created for a person who had died ends by itself.
#[rstest]
#[actix_web::test]
async fn an_active_role_of_a_person_who_has_died_is_ended_by_the_daily_job(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for (dead, reason) in
        [(PERSON, "ROLE_DEACTIVATED_PATIENT_DECEASED"), (MOTHER, "ROLE_DEACTIVATED_PROXY_DECEASED")]
    {
        let app = TestApp::strict(backend).await;
        let role = create_role(&app, MOTHER, PERSON).await;
        let other = create_role(&app, SON, PATIENTS[1]).await;
        let died = format!("UPDATE people SET died_at = 1 WHERE nhs_number = '{dead}'");
        sql::execute(&app.database_url(), &died);
        let job = JOBS.iter().find(|job| job.name == "deactivate-unused").expect("a job");
        assert!(crate::job::runner(&app).run_now(job).expect("the database answers"));
        assert_eq!(status(&app, &role).await, ("inactive".to_owned(), reason.to_owned()));
        assert_eq!(status(&app, &other).await.0, "active");
        assert_eq!(crate::job::trail(&app, &role).await.0, ["role-created", "role-bereaved"]);
    }
}

/// A role that is created while a death is processed is either ended by it or refused because of it.
#[actix_web::test]
async fn a_create_at_the_same_time_as_a_death_leaves_no_active_role() {
    for _ in 0..4 {
        let app = TestApp::strict(Backend::Postgres).await;
        let pairs: Vec<_> = OTHERS.iter().map(|other| bodies::consent(other, PERSON)).collect();
        let creates = futures_util::future::join_all(pairs.iter().map(|body| app.post("/Consent", body)));
        let event = event(DEATH, PERSON, 21);
        let (created, text) = futures_util::future::join(creates, tell(&app, &event)).await;
        assert_eq!(text, "applied");
        assert!(created.iter().all(|answer| [201, 422].contains(&answer.status)), "{created:?}");
        assert_eq!(app.count_rows(&format!("roles WHERE patient = '{PERSON}' AND status = 'active'")), 0);
    }
}

/// The steps of the schema before this column.
const STEPS_BEFORE: usize = 10;

/// From the previous schema with rows, and with an earlier version that still writes during a rolling
/// upgrade.
#[rstest]
fn migration_brings_deaths_that_were_facts_alone(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::empty(backend);
    let store = database.open();
    let steps = store.migrate_up().expect("up").len();
    store.migrate_down(steps - STEPS_BEFORE).expect("down");
    let columns = "(nhs_number, standing, practice, updated_at)";
    let person = |number: &str| {
        format!(
            "INSERT INTO people {columns} VALUES ('{number}', 'current', 'A20047', 5); \
             INSERT INTO person_facts (nhs_number, kind, occurred_at) VALUES ('{number}', 'death', 7)"
        )
    };
    sql::execute(&database.url, &person("9990000018"));
    sql::execute(
        &database.url,
        &format!("INSERT INTO people {columns} VALUES ('9990000026', 'current', NULL, 5)"),
    );
    store.migrate_up().expect("up");
    let rows = || {
        let row = "nhs_number || ' ' || coalesce(CAST(died_at AS TEXT), '-') || ' ' || CAST(version AS TEXT)";
        sql::values(&database.url, &format!("SELECT {row} AS value FROM people ORDER BY 1"))
    };
    assert_eq!(rows(), ["9990000018 7 2", "9990000026 - 1"]);
    // The earlier version knows neither column.
    sql::execute(&database.url, &person("9990000034"));
    assert!(store.migrate_up().expect("up").is_empty());
    assert_eq!(rows(), ["9990000018 7 2", "9990000026 - 1", "9990000034 7 2"]);
    assert!(store.migrate_up().expect("up").is_empty());
    assert_eq!(rows(), ["9990000018 7 2", "9990000026 - 1", "9990000034 7 2"]);
}
