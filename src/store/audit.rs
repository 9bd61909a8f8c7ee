//! The audit record.

use diesel::prelude::*;

use crate::account::Caller;
use crate::audit::{Act, Subject};
use crate::date_time::to_millis;
use crate::error::Error;
use crate::ids;
use crate::store::Tx;
use crate::store::schema::audit_records;
use chrono::{DateTime, Utc};

impl Tx<'_> {
    /// Writes down who did what.
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
        let row = (
            audit_records::id.eq(ids::new_uuid(now).to_string()),
            audit_records::recorded_at.eq(to_millis(now)),
            audit_records::act.eq(act.as_str()),
            audit_records::caller_kind.eq(caller.who.kind()),
            audit_records::caller_id.eq(caller.who.id()),
            audit_records::request_id.eq(&caller.request_id),
            audit_records::subject.eq(&subject.reference),
            audit_records::subject_version.eq(subject.version),
            audit_records::patient.eq(subject.patient.as_str()),
            audit_records::proxy.eq(subject.proxy.as_str()),
        );
        diesel::insert_into(audit_records::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// The acts on a subject in order: what was done, and by which kind of caller.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_acts(&mut self, reference: &str) -> Result<Vec<(String, String)>, Error> {
        let records = audit_records::table
            .filter(audit_records::subject.eq(reference))
            .order((audit_records::subject_version, audit_records::id));
        Ok(records.select((audit_records::act, audit_records::caller_kind)).load(self.db)?)
    }
}
