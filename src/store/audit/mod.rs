//! The audit record: written with its act, chained, and read back.

mod chain;
mod guard;
mod insert;
mod people;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use crate::Tx;
use crate::dialect::among;
use crate::schema::audit_records;
use base::date_time::{from_millis, to_millis};
use base::error::Error;
use base::ids;
use domain::account::Caller;
use domain::audit::{Access, Act, Actor, Outcome, People, Subject};

pub use chain::{Break, Fault, Head, NotAHead};
pub(crate) use guard::{guard, unguard};

/// A record, as it is stored. All of it is chained; the migration describes the columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = audit_records)]
#[expect(missing_docs, reason = "the fields are the columns, which the migration describes")]
pub struct AuditRecord {
    pub id: String,
    pub chain: i64,
    pub sequence: i64,
    pub previous_hash: String,
    pub hash: String,
    pub recorded_at: i64,
    pub act: String,
    pub outcome: String,
    pub refusal: Option<String>,
    pub caller_kind: String,
    pub caller_id: Option<String>,
    pub organisation: Option<String>,
    pub app: Option<String>,
    pub grant_id: Option<String>,
    pub request_id: Option<String>,
    pub subject: Option<String>,
    pub subject_version: Option<i64>,
    pub query: Option<String>,
    pub patient: Option<String>,
    pub proxy: Option<String>,
}

impl AuditRecord {
    /// What was done; `None` where a newer version wrote it.
    pub fn act(&self) -> Option<Act> {
        Act::parse(&self.act)
    }

    /// When it was written.
    pub fn recorded(&self) -> DateTime<Utc> {
        from_millis(self.recorded_at)
    }

    /// A record that is not chained yet.
    fn new(act: Act, actor: &Actor, outcome: Outcome, people: People, at: DateTime<Utc>) -> Self {
        Self {
            id: ids::new_uuid(at).to_string(),
            chain: 0,
            sequence: 0,
            previous_hash: String::new(),
            hash: String::new(),
            recorded_at: to_millis(at),
            act: act.as_str().to_owned(),
            outcome: outcome.code().to_owned(),
            refusal: outcome.refusal().map(str::to_owned),
            caller_kind: actor.kind.to_owned(),
            caller_id: actor.id.clone(),
            organisation: actor.organisation.clone(),
            app: actor.app.clone(),
            grant_id: actor.grant.map(|grant| grant.to_string()),
            request_id: actor.request_id.clone(),
            subject: None,
            subject_version: None,
            query: None,
            patient: people.patient.map(|number| number.to_string()),
            proxy: people.proxy.map(|number| number.to_string()),
        }
    }
}

impl Tx<'_> {
    /// Writes down a change: who made which version of what. The record stands in the chain when the
    /// transaction commits; until then it is not found.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn record(
        &mut self,
        act: Act,
        caller: &Caller,
        subject: &Subject,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let people = People { patient: Some(subject.patient), proxy: Some(subject.proxy) };
        self.push_change(act, caller, (&subject.reference, subject.version), people, now);
        Ok(())
    }

    /// Writes down a change, as [`Tx::record`] does, of what is nobody's data but the caller's own: who made which
    /// version of what. It names the people in whose place the caller stands, if any.
    pub fn record_own(
        &mut self,
        act: Act,
        caller: &Caller,
        reference: &str,
        version: i64,
        now: DateTime<Utc>,
    ) {
        let people = Actor::of(caller).place.people();
        self.push_change(act, caller, (reference, version), people, now);
    }

    fn push_change(
        &mut self,
        act: Act,
        caller: &Caller,
        (reference, version): (&str, i64),
        people: People,
        now: DateTime<Utc>,
    ) {
        let record = AuditRecord::new(act, &Actor::of(caller), Outcome::Allowed, people, now);
        self.pending.push(AuditRecord {
            subject: Some(reference.to_owned()),
            subject_version: Some(version),
            ..record
        });
    }

    /// Writes down one access, as [`Tx::record_accesses`] does.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn record_access(&mut self, access: &Access) -> Result<(), Error> {
        self.record_accesses(&[access])
    }

    /// Writes accesses down: a record for every two people whose data one has shown, and one where it has shown
    /// nobody's. Where people are those of a row, the row is looked up now: one statement for each table.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn record_accesses(&mut self, accesses: &[&Access]) -> Result<(), Error> {
        let rows = self.find_people_of(accesses)?;
        for access in accesses {
            for people in people::named(access, &rows) {
                let record = AuditRecord::new(access.act, &access.actor, access.outcome, people, access.at);
                self.pending.push(AuditRecord {
                    subject: access.subject.clone(),
                    query: access.query.clone(),
                    ..record
                });
            }
        }
        Ok(())
    }

    /// How many records this transaction will write.
    pub fn recorded(&self) -> usize {
        self.pending.len()
    }

    /// The changes of a subject in order: what was done, and by which kind of caller.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_acts(&mut self, reference: &str) -> Result<Vec<(String, String)>, Error> {
        let records = audit_records::table
            .filter(audit_records::subject.eq(reference))
            .filter(audit_records::subject_version.is_not_null())
            .order((audit_records::subject_version, audit_records::id));
        Ok(records.select((audit_records::act, audit_records::caller_kind)).load(self.db)?)
    }

    /// These records, in no particular order.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_audit_records(&mut self, ids: &[String]) -> Result<Vec<AuditRecord>, Error> {
        Ok(audit_records::table.filter(among!(self.db, audit_records.id, ids)).load(self.db)?)
    }
}
