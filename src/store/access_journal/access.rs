//! The journal, as the store offers it.

use super::verify::{SegmentBreak, verify_all};
use crate::access_journal::tail::CatchUp as _;
use crate::audit::records_without_rows;
use crate::database::store::Store;
use base::error::Error;
use domain::audit::Access;

impl Store {
    /// Records accesses before they are answered: on SQLite in the access journal, on PostgreSQL in the table. They are on the
    /// disk when this returns.
    ///
    /// # Errors
    ///
    /// Database errors; [`ErrorKind::Busy`](base::error::ErrorKind) where the journal cannot be written. Then part of the records may be
    /// written.
    pub fn record_accesses(&self, accesses: &[&Access]) -> Result<(), Error> {
        let Some(journal) = &self.access_journal else {
            return self.write_here(|tx| tx.record_accesses(accesses));
        };
        let records = match records_without_rows(accesses) {
            Some(records) => records,
            None => self.read_here::<_, Error, _>(|tx| tx.records_of(accesses))?,
        };
        journal.append(&records)
    }

    /// Indexes what stands in the access journal, on the present thread. A transaction that reads accesses does this by itself.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn catch_up_here(&self) -> Result<(), Error> {
        self.access_journal.as_ref().map_or(Ok(()), |journal| journal.indexer.catch_up().map(drop))
    }

    /// Walks every segment of the access journal from its beginning and returns those that do not hold. `None` where the
    /// database has no journal.
    ///
    /// # Errors
    ///
    /// Database errors, and those of reading the files.
    pub fn verify_access_journal(&self) -> Result<Option<Vec<SegmentBreak>>, Error> {
        self.access_journal.as_ref().map(|journal| verify_all(&journal.indexer)).transpose()
    }
}
