//! Conditions on audit records whose indexes leave most records out: an access adds to as few indexes with keys in no order as
//! there can be.

use crate::search::compile::Statement;
use crate::search::filter::Datum;
use crate::search::table::Table;

/// What the subject of a record of a role begins with.
const OF_ROLE: &str = "Consent/";
/// The condition of `audit_records_by_subject`, letter by letter.
const IS_INDEXED_BY_SUBJECT: &str =
    "(subject_version IS NOT NULL OR patient IS NULL OR SUBSTR(subject, 1, 8) <> 'Consent/')";
/// The condition of `audit_records_by_outcome`, letter by letter, and the outcome that it leaves out.
const IS_INDEXED_BY_OUTCOME: &str = "outcome <> '0'";
const DONE: &str = "0";

impl Statement {
    /// Audit records of a subject. `audit_records_by_subject` leaves out the accesses to a role that name its patient: they
    /// are found among the records of each patient that the role ever had.
    pub(super) fn subject(&mut self, subject: &str) {
        let id = subject.strip_prefix(OF_ROLE);
        let value = Datum::Text(subject.to_owned());
        match id {
            Some(id) if self.table != Some(Table::AuditChanges) => {
                self.push("id IN (SELECT id FROM audit_records WHERE subject = ");
                self.bind(&value);
                self.push(&format!(
                    " AND {IS_INDEXED_BY_SUBJECT} UNION ALL SELECT id FROM audit_records \
                     WHERE patient IN (SELECT patient FROM role_versions WHERE role_versions.id = "
                ));
                self.bind(&Datum::Text(id.to_owned()));
                self.push(") AND subject = ");
                self.bind(&value);
                self.push(")");
            }
            Some(_) => {
                self.push("subject = ");
                self.bind(&value);
            }
            None => {
                self.push("(subject = ");
                self.bind(&value);
                self.push(&format!(" AND {IS_INDEXED_BY_SUBJECT})"));
            }
        }
    }

    /// Audit records with an outcome. `audit_records_by_outcome` has those of what was refused or failed.
    pub(super) fn outcome(&mut self, outcome: &str) {
        self.push("(outcome = ");
        self.bind(&Datum::Text(outcome.to_owned()));
        if outcome != DONE {
            self.push(&format!(" AND {IS_INDEXED_BY_OUTCOME}"));
        }
        self.push(")");
    }
}
