//! The journal, as the store offers it.

use super::verify::{SegmentBreak, verify_all};
use crate::access_journal::tail::CatchUp as _;
use crate::audit::{ChainedPortion, records_without_rows};
use crate::database::store::Store;
use crate::tx::{Tx, run_bare};
use base::error::Error;
use domain::audit::Access;

/// How often accesses are tried behind the head of a chain, before they are written in a transaction that locks it.
const TRIES: u32 = 3;

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
            // Through a pooler, what is set for a connection is set in a transaction.
            if !self.url.is_sqlite() && !self.has_pooler && self.record_at_once(accesses)? {
                return Ok(());
            }
            return self.write_here(|tx| tx.record_accesses(accesses));
        };
        let records = match records_without_rows(accesses) {
            Some(records) => records,
            None => self.read_here::<_, Error, _>(|tx| tx.records_of(accesses))?,
        };
        journal.append(&records)
    }

    /// Records accesses in one message to PostgreSQL; false where that did not succeed: rows are to be looked up first, or others
    /// add to every chain.
    fn record_at_once(&self, accesses: &[&Access]) -> Result<bool, Error> {
        let Some(records) = records_without_rows(accesses) else { return Ok(false) };
        for _ in 0..TRIES {
            let known = self.known_head.take();
            let head = match known {
                Some(head) => Some(head),
                None => run_bare(&self.writer.pool, &|tx: &mut Tx<'_>| tx.find_free_head(&records))?,
            };
            let portion = head.map(|head| ChainedPortion::behind(head, &records)).transpose()?.flatten();
            let Some(portion) = portion else { return Ok(false) };
            let add = || run_bare(&self.writer.pool, &|tx: &mut Tx<'_>| tx.add_at_once(&portion));
            if self.writer.watch("record accesses", add)? {
                self.known_head.keep(portion);
                return Ok(true);
            }
        }
        Ok(false)
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
