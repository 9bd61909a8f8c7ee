//! Accesses on PostgreSQL, in one message: the statement moves the head of a chain from where this process saw it last, and
//! adds the records behind it. It is its own transaction, so what it has added is on the disk when it is answered. Where another
//! process, or a change, has moved the head meanwhile, it adds nothing, and is tried again behind the new head.

use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use crate::audit::chain::{ChainHead, add_to_chain};
use crate::audit::insert::{ARRAY, MOVE_AND_ADD};
use crate::audit::record::AuditRecord;
use crate::db::Db;
use crate::sql::Sql;
use crate::tx::Tx;
use base::error::Error;

/// The head of the chain that this process adds to.
#[derive(Debug, Default)]
pub(crate) struct KnownHead(Mutex<Option<ChainHead>>);

/// Records with their places, and the heads before and after them.
pub(crate) struct ChainedPortion {
    from: ChainHead,
    to: ChainHead,
    records: String,
}

impl KnownHead {
    pub(crate) fn take(&self) -> Option<ChainHead> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn keep(&self, portion: ChainedPortion) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(portion.to);
    }
}

impl ChainedPortion {
    /// The records behind a head; `None` where they are more than one statement takes.
    pub(crate) fn behind(from: ChainHead, records: &[AuditRecord]) -> Result<Option<Self>, Error> {
        if records.len() > ARRAY {
            return Ok(None);
        }
        let mut records = records.to_vec();
        let mut to = from.clone();
        add_to_chain(&mut to, &mut records);
        let records = serde_json::to_string(&records).map_err(Error::fault)?;
        Ok(Some(Self { from, to, records }))
    }
}

impl Tx<'_> {
    /// Adds the records; false where the head is no longer where it was.
    pub(crate) fn add_at_once(&mut self, portion: &ChainedPortion) -> Result<bool, Error> {
        let Db::Postgres(connection) = self.db else { return Ok(false) };
        let ChainedPortion { from, to, records } = portion;
        let add = Sql::fixed(MOVE_AND_ADD)
            .number(to.sequence)
            .text(&to.hash)
            .number(from.chain)
            .number(from.sequence)
            .text(&from.hash)
            .text(records);
        Ok(add.execute(connection)? > 0)
    }
}
