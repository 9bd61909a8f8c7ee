//! The access journal of an SQLite database: accesses are appended to files and indexed later.
//!
//! Whose data was read must be on the disk before the answer goes out. A row in `audit_records` touches a page of each of its
//! indexes, some of them at random; an append to a file costs a write and a flush, which the requests of a batch share. So
//! accesses go to a segment ([`segment`]), and an indexer ([`indexer`]) writes them to `audit_records` a moment later, in
//! portions, with the hash chain of all records. Every read of the audit record first has the indexer write what is left
//! ([`Store::catch_up`], [`Tx::catch_up`](crate::Tx)), so what was answered is found.
//!
//! Changes are recorded in their own transactions. PostgreSQL, and SQLite in memory, have no journal: accesses are written to
//! the table at once.
//!
//! A process that is killed leaves a segment; whichever process comes next indexes it. A segment that is missing, cut or
//! changed is found by [`Store::verify_access_journal`].

mod access;
pub(crate) mod indexer;
pub(crate) mod journal;
mod segment;
pub(crate) mod tail;
mod verify;

pub use verify::{SegmentBreak, SegmentFault};
