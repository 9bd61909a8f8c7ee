//! An open transaction, and what a request may still ask of the database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use diesel::connection::SimpleConnection as _;
use uuid::Uuid;

use crate::access_journal::tail::Tail;
use crate::audit::record::AuditRecord;
use crate::db::{Db, Meter, Pooled};
use base::error::{Error, ErrorKind};
use domain::account::GrantState;

/// An open transaction: what a use case reads and writes through. The methods live with the
/// aggregates, one file each.
pub struct Tx<'c> {
    pub(crate) db: &'c mut Db,
    pub(super) meter: &'c Meter,
    /// The count of the connection's statements at which the present request has spent its budget.
    pub(crate) most: Option<u64>,
    /// The records of the audit, written right before the commit.
    pub(crate) pending: Vec<AuditRecord>,
    /// Whether an event or a revocation was published, of which others are told when the transaction has committed.
    pub(crate) has_published: bool,
    /// The grant of the request, if another statement reads its state too.
    pub(crate) grant: Option<ExpectedGrant>,
    tail: &'c Tail,
    may_catch_up: bool,
}

/// The grant that a request depends on, whose state is read by the statement that reads the requested row.
pub(crate) struct ExpectedGrant {
    pub(crate) id: Uuid,
    /// Its state, `None` if there is no such grant, and the connection's count of statements when it was read.
    pub(crate) seen: Option<(u64, Option<GrantState>)>,
}

impl<'c> Tx<'c> {
    /// A transaction that has begun on this connection.
    pub(crate) fn new(pooled: &'c mut Pooled) -> Self {
        let Pooled { db, meter, tail, may_catch_up, .. } = pooled;
        let may_catch_up = *may_catch_up;
        Self {
            db,
            meter,
            most: None,
            pending: Vec::new(),
            has_published: false,
            grant: None,
            tail,
            may_catch_up,
        }
    }

    /// Before the audit record is read: has what was answered until now written to it ([`crate::access_journal`]). What this
    /// transaction reads from here on is of the moment after that. Does nothing in a transaction that writes, and on a
    /// thread that serves requests, where accesses are not read ([`Lane::Brief`](crate::Lane)).
    ///
    /// # Errors
    ///
    /// Database errors.
    pub(crate) fn catch_up(&mut self) -> Result<(), Error> {
        let Some(tail) = self.tail.get().and_then(Weak::upgrade) else { return Ok(()) };
        if self.may_catch_up && tail.catch_up()? {
            self.db.batch_execute("COMMIT; BEGIN")?;
        }
        Ok(())
    }

    /// The number of statements that the connection has run.
    pub(crate) fn count_statements(&self) -> u64 {
        self.meter.count()
    }

    /// Runs a part of a request, whose statements are counted against the budget of that request.
    pub fn within<T>(&mut self, budget: &Budget, work: impl FnOnce(&mut Self) -> T) -> T {
        let begun = self.meter.count();
        self.most = Some(begun.saturating_add(budget.left.load(Ordering::Relaxed)));
        let result = work(self);
        self.most = None;
        let spent = self.meter.count() - begun;
        let left = budget.left.load(Ordering::Relaxed).saturating_sub(spent);
        budget.left.store(left, Ordering::Relaxed);
        result
    }

    /// Refuses a request whose budget is spent. Whatever composes a statement of what a client asks for, or takes a lock
    /// for it, calls this first; so a request sends no more than its budget and the few statements by key that follow
    /// the last of these.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooCostly`].
    pub fn check_budget(&self) -> Result<(), Error> {
        match self.most {
            Some(most) if self.meter.count() >= most => {
                tracing::warn!("a request was refused: it needs more statements than one may send");
                Err(Error::new(ErrorKind::TooCostly, TOO_MANY_STATEMENTS))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// How many statements a request may still send, in all of its transactions.
#[derive(Clone, Debug)]
pub struct Budget {
    pub(super) left: Arc<AtomicU64>,
}

impl Budget {
    /// That of a request alone, or of a Bundle with so many entries.
    pub fn of_entries(entries: usize) -> Self {
        const OF_REQUEST: u64 = 50;
        const OF_ENTRY: u64 = 20;
        let entries = u64::try_from(entries).unwrap_or(u64::MAX);
        let left = OF_ENTRY.saturating_mul(entries).saturating_add(OF_REQUEST);
        Self { left: Arc::new(AtomicU64::new(left)) }
    }
}

const TOO_MANY_STATEMENTS: &str = "The request needs more questions to the database than one request may ask. \
    Ask for less at a time: fewer includes, types or entries.";
