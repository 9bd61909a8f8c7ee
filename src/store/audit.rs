//! The audit record.

use diesel::prelude::*;

use crate::account::Caller;
use crate::audit::{Act, Subject};
use crate::date_time::{from_millis, to_millis};
use crate::error::Error;
use crate::ids;
use crate::person::NhsNumber;
use crate::store::Tx;
use crate::store::person::nhs_number;
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

/// A record of an act, as it is read back.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns, which the migration describes")]
pub struct AuditRecord {
    pub id: String,
    pub recorded_at: DateTime<Utc>,
    pub act: String,
    pub caller_kind: String,
    pub caller_id: Option<String>,
    pub request_id: Option<String>,
    pub subject: String,
    pub subject_version: i64,
    pub patient: NhsNumber,
    pub proxy: NhsNumber,
}

impl AuditRecord {
    /// Whether the act made the first version of its subject.
    pub fn is_creation(&self) -> bool {
        self.act.ends_with("-created") || self.act.ends_with("-submitted")
    }
}

type AuditRow = (String, i64, String, String, Option<String>, Option<String>, String, i64, String, String);

impl Tx<'_> {
    /// These records, in no particular order.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_audit_records(&mut self, ids: &[String]) -> Result<Vec<AuditRecord>, Error> {
        let rows: Vec<AuditRow> = audit_records::table.filter(audit_records::id.eq_any(ids)).load(self.db)?;
        let read = |row: AuditRow| {
            let (
                id,
                recorded_at,
                act,
                caller_kind,
                caller_id,
                request_id,
                subject,
                subject_version,
                patient,
                proxy,
            ) = row;
            Ok(AuditRecord {
                id,
                recorded_at: from_millis(recorded_at),
                act,
                caller_kind,
                caller_id,
                request_id,
                subject,
                subject_version,
                patient: nhs_number(&patient)?,
                proxy: nhs_number(&proxy)?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}
