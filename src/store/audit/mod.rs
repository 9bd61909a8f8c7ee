//! The audit record: written with its act, chained, and read back.

mod at_once;
mod chain;
mod guard;
mod insert;
mod months;
mod people;
pub(crate) mod record;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::dialect::in_list;
use crate::schema::audit_records;
use crate::tx::Tx;
use base::error::Error;
use domain::account::Caller;
use domain::audit::{Access, Act, Actor, Outcome, People, Subject};

use people::PeopleOfRows;

pub(crate) use at_once::{ChainedPortion, KnownHead};
pub use chain::{Break, ChainFault, ChainHead, NotAHead};
pub(crate) use guard::{guard, unguard};
pub use months::MissingMonths;
pub(crate) use months::add_months;
pub use record::AuditRecord;

/// The records of these accesses, where no row of the database need be read to find out whose data they have shown.
pub(crate) fn records_without_rows(accesses: &[&Access]) -> Option<Vec<AuditRecord>> {
    people::wanted(accesses).is_empty().then(|| records_of(accesses, &PeopleOfRows::new()))
}

fn records_of(accesses: &[&Access], rows: &PeopleOfRows) -> Vec<AuditRecord> {
    let records = |access: &&Access| -> Vec<AuditRecord> {
        let record = |people| AuditRecord {
            subject: access.subject.clone(),
            query: access.query.clone(),
            ..AuditRecord::new(access.act, &access.actor, access.outcome, people, access.at)
        };
        people::named(access, rows).into_iter().map(record).collect()
    };
    accesses.iter().flat_map(records).collect()
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

    /// Records a change, as [`Tx::record`] does, of data that concerns only the caller: who made which version of
    /// which resource. The record names the people for whom the caller acts, if any.
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

    /// Records accesses: one record for each pair of people whose data an access disclosed, and one where it disclosed
    /// no person's data. Where people are those of a row, the row is looked up now: one statement for each table.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn record_accesses(&mut self, accesses: &[&Access]) -> Result<(), Error> {
        let mut records = self.records_of(accesses)?;
        self.pending.append(&mut records);
        Ok(())
    }

    /// The records of these accesses, not yet written.
    pub(crate) fn records_of(&mut self, accesses: &[&Access]) -> Result<Vec<AuditRecord>, Error> {
        let rows = self.find_people_of(accesses)?;
        Ok(records_of(accesses, &rows))
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
        Ok(audit_records::table.filter(in_list!(self.db, audit_records.id, ids)).load(self.db)?)
    }
}
