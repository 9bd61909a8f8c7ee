//! The audit record: every access and every change, once, with both people, and unchanged.

mod accesses;
mod chain;
mod events;
mod journal;
mod months;
mod segments;
mod subjects;
mod tampering;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use domain::account::{Principal, Proofing};
use service::policy::{AccessPolicy, BearerToken};
use sha2::{Digest as _, Sha256};
use store::DatabaseUrl;

use crate::support::{Backend, Options, TestApp, sql, strict_contract};
use crate::vrs::callers::{NURSE, SYSTEM, citizen, number};
use crate::vrs::known::{CHILD, LONER, MOTHER, MOTHERS_ROLE, id};

/// The token of [`MOTHER`], acting for [`CHILD`].
const ACTING: &str = "token-of-a-mother-who-acts";

/// A server that accepts a nurse, a system, citizens, and a proxy who acts.
async fn guarded(backend: Backend) -> TestApp {
    let token =
        |text: &str, principal| BearerToken { digest: Sha256::digest(text.as_bytes()).into(), principal };
    let person = |text: &str| Principal::Citizen { nhs_number: number(text), proofing: Proofing::P9 };
    let acting = Principal::Proxy { proxy: number(MOTHER), patient: number(CHILD), role: id(MOTHERS_ROLE) };
    let organisation = domain::proxy::OdsCode::parse("A20047").ok();
    let policy = AccessPolicy::Tokens(vec![
        token(NURSE, Principal::Staff { name: "nurse".into(), organisation }),
        token(SYSTEM, Principal::System { name: "record system".into() }),
        token(&citizen(MOTHER), person(MOTHER)),
        token(&citizen(CHILD), person(CHILD)),
        token(&citizen(LONER), person(LONER)),
        token(ACTING, acting),
    ]);
    TestApp::start(backend, Options { contract: strict_contract(), policy, ..Options::default() }).await
}

/// The URL of a server's database.
fn url_of(app: &TestApp) -> String {
    match app.store.url() {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    }
}

/// The content of a record, without its time and place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
struct Record {
    #[diesel(sql_type = Text)]
    act: String,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<Text>)]
    refusal: Option<String>,
    #[diesel(sql_type = Text)]
    caller_kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    caller_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    organisation: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    subject: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    query: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    patient: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    proxy: Option<String>,
}

impl Record {
    /// Act, outcome and refusal in one text.
    fn summary(&self) -> String {
        let refusal = self.refusal.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
        format!("{} {}{refusal}", self.act, self.outcome)
    }

    /// Patient and proxy.
    fn people(&self) -> (&str, &str) {
        (self.patient.as_deref().unwrap_or_default(), self.proxy.as_deref().unwrap_or_default())
    }
}

/// The records of a server since the last call, in order.
struct Trail {
    url: String,
    seen: usize,
}

impl Trail {
    fn of(app: &TestApp) -> Self {
        let mut trail = Self { url: url_of(app), seen: 0 };
        trail.grown();
        trail
    }

    fn grown(&mut self) -> Vec<Record> {
        sql::catch_up(&self.url);
        let query = diesel::sql_query("SELECT * FROM audit_records ORDER BY id");
        let records: Vec<Record> = match self.url.strip_prefix("sqlite:") {
            Some(path) => query.load(&mut sql::sqlite(path)),
            None => query.load(&mut sql::postgres(&self.url)),
        }
        .expect("there are records");
        let grown = records.get(self.seen..).unwrap_or_default().to_vec();
        self.seen = records.len();
        grown
    }

    /// The one record since the last call.
    #[track_caller]
    fn one(&mut self, row: &str) -> Record {
        let mut grown = self.grown();
        assert_eq!(grown.len(), 1, "{row}: {grown:#?}");
        grown.remove(0)
    }
}
