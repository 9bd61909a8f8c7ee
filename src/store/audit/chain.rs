//! The chain: every record carries the hash of its predecessor and its own, over all of its columns. A
//! record that is changed, removed, added or moved breaks the chain at that place; a rewritten rest of the chain ends in
//! another head than the one that an operator has kept elsewhere.
//!
//! There are several chains, because the head of one is locked from the last statement of a transaction to its
//! commit. On SQLite, which has one writer at a time, one is used.

use std::fmt;
use std::str::FromStr;

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use sha2::{Digest as _, Sha256};

use crate::audit::insert::insert;
use crate::audit::record::AuditRecord;
use crate::db::Db;
use crate::dialect::on_dialect;
use crate::error::corrupt;
use crate::schema::{audit_chains, audit_records};
use crate::sql::Sql;
use crate::tx::Tx;
use base::error::{Error, ErrorKind};
use base::token::to_hex;

/// How many chains the migration makes.
const CHAINS: i64 = 16;

/// How far a record may be behind the newest one before it, in milliseconds: a request is recorded under the time when it
/// came, and two servers' clocks differ.
const SKEW: i64 = 10 * 60 * 1000;

/// How many records are held in memory at a time while a chain is walked.
const PAGE: i64 = 1000;
/// What is hashed first, so that this is the hash of nothing else.
const DOMAIN: &str = "onbehalf audit record 1";

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName)]
pub struct ChainHead {
    /// Which chain.
    #[diesel(sql_type = BigInt)]
    pub chain: i64,
    /// The place of its last record; 0 for none.
    #[diesel(sql_type = BigInt)]
    pub sequence: i64,
    /// The hash of its last record.
    #[diesel(sql_type = Text)]
    pub hash: String,
}

/// A line that is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is written CHAIN SEQUENCE HASH")]
pub struct NotAHead;

/// The first place where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Which chain.
    pub chain: i64,
    /// The place in it.
    pub sequence: i64,
    /// The record that stands there, if one does.
    pub id: Option<String>,
    /// What is wrong.
    pub fault: ChainFault,
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainFault {
    /// The record is not what was written.
    Changed,
    /// There is no record at this place, and there are later ones.
    Missing,
    /// The record does not follow the one before it: it was moved, or the one before it is another.
    Reordered,
    /// The records from here to the head are gone.
    CutOff,
    /// There are records behind the head.
    Added,
    /// The chain holds, and ends in another hash than its head says: it was rewritten from somewhere on.
    NotItsHead,
    /// The chain has no head.
    NoHead,
    /// The record is not the one whose hash was kept elsewhere: the chain was rewritten.
    NotAsKept,
    /// The chain ends before the record whose hash was kept elsewhere.
    CutOffSinceKept,
    /// The record is in a chain that this database does not use: SQLite has one writer, and so one chain.
    Unused,
    /// The record is older than one before it, or than those whose hashes were kept before it came.
    BackDated,
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.chain, self.sequence, self.hash)
    }
}

impl FromStr for ChainHead {
    type Err = NotAHead;

    fn from_str(line: &str) -> Result<Self, NotAHead> {
        let mut words = line.split_whitespace();
        let (Some(chain), Some(sequence), Some(hash), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NotAHead);
        };
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0).ok_or(NotAHead);
        let head = Self { chain: number(chain)?, sequence: number(sequence)?, hash: hash.to_lowercase() };
        is_hash.then_some(head).ok_or(NotAHead)
    }
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "changed: its hash is not that of its contents",
            Self::Missing => "missing: later records of the chain are there",
            Self::Reordered => "out of order: it does not follow the record before it",
            Self::CutOff => "cut off: the chain ends before its head",
            Self::Added => "added: it stands behind the head of the chain",
            Self::NotItsHead => "rewritten: the chain ends in another hash than its head",
            Self::NoHead => "the chain has no head",
            Self::NotAsKept => "rewritten: its hash is not the one that was kept",
            Self::CutOffSinceKept => "cut off: the chain ends before the record whose hash was kept",
            Self::Unused => "added: this database uses chain 0 alone",
            Self::BackDated => "back-dated: older records were there before it (or a clock was set back)",
        })
    }
}

impl AuditRecord {
    /// The SHA-256 over the hash before it and every column, in hexadecimal. A text is hashed with its length
    /// before it and a mark that it is there, so that no two different records are the same bytes.
    fn digest(&self, previous: &str) -> String {
        let mut hash = Sha256::new();
        let mut add = |text: Option<&str>| match text {
            None => hash.update([0]),
            Some(text) => {
                hash.update([1]);
                hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                hash.update(text);
            }
        };
        let number = |number: i64| number.to_string();
        add(Some(DOMAIN));
        add(Some(previous));
        for text in [&number(self.chain), &number(self.sequence), &self.id, &number(self.recorded_at)] {
            add(Some(text));
        }
        for text in [&self.act, &self.outcome, &self.caller_kind] {
            add(Some(text));
        }
        for text in [
            &self.refusal,
            &self.caller_id,
            &self.organisation,
            &self.app,
            &self.grant_id,
            &self.request_id,
            &self.subject,
            &self.subject_version.map(number),
            &self.query,
            &self.patient,
            &self.proxy,
        ] {
            add(text.as_deref());
        }
        to_hex(&hash.finalize().into())
    }
}

/// Gives the records their places behind the head, and moves it.
pub(super) fn add_to_chain(head: &mut ChainHead, records: &mut [AuditRecord]) {
    for record in records.iter_mut() {
        head.sequence += 1;
        record.chain = head.chain;
        record.sequence = head.sequence;
        record.previous_hash = std::mem::take(&mut head.hash);
        record.hash = record.digest(&record.previous_hash);
        head.hash.clone_from(&record.hash);
    }
}

/// The chain that is looked at first. The last digits of an id are random: transactions begin at different chains.
fn start_of(records: &[AuditRecord]) -> i64 {
    let id = records.first().map_or("", |record| record.id.as_str());
    i64::from(id.bytes().last().unwrap_or_default()) % CHAINS
}

impl Tx<'_> {
    /// Chains the records of this transaction and writes them. It is the last thing before the commit, so that
    /// the head of a chain is locked for no longer than needed, and nothing is waited for after it.
    pub(crate) fn write_records(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut records = std::mem::take(&mut self.pending);
        self.chain_and_write(&mut records)
            .map_err(|error| if error.kind() == ErrorKind::Busy { error } else { Error::fault(error) })
    }

    fn chain_and_write(&mut self, records: &mut [AuditRecord]) -> Result<(), Error> {
        let mut head = self.lock_head(records)?;
        add_to_chain(&mut head, records);
        insert(self.db, records)?;
        let end = Sql::fixed("UPDATE audit_chains SET sequence = ?, hash = ? WHERE chain = ?");
        let end = end.number(head.sequence).text(head.hash).number(head.chain);
        on_dialect!(self.db, c => end.execute(c))?;
        Ok(())
    }

    /// Locks the head of a chain that no other transaction holds, or waits for one if all are held.
    fn lock_head(&mut self, records: &[AuditRecord]) -> Result<ChainHead, Error> {
        let free = self.find_free_head(records)?;
        match self.db {
            Db::Sqlite(connection) => {
                audit_chains::table.filter(audit_chains::chain.eq(0)).first(connection).optional()?
            }
            Db::Postgres(_) if free.is_some() => free,
            Db::Postgres(connection) => {
                audit_chains::table.find(start_of(records)).for_update().first(connection).optional()?
            }
        }
        .ok_or_else(|| corrupt("head of an audit chain"))
    }

    /// The head of a chain that no other transaction holds, locked; `None` where all are held, and on SQLite.
    pub(crate) fn find_free_head(&mut self, records: &[AuditRecord]) -> Result<Option<ChainHead>, Error> {
        let Db::Postgres(connection) = self.db else { return Ok(None) };
        let free = "SELECT chain, sequence, hash FROM audit_chains ORDER BY (chain + ?) % 16 LIMIT 1 \
            FOR UPDATE SKIP LOCKED";
        Ok(Sql::fixed(free).number(start_of(records)).get_result(connection).optional()?)
    }

    /// The heads of all chains, in order; those that have no record yet, too.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_audit_heads(&mut self) -> Result<Vec<ChainHead>, Error> {
        self.catch_up()?;
        Ok(audit_chains::table.order(audit_chains::chain).load(self.db)?)
    }

    /// Walks every chain from its beginning to its head and returns where each is first broken: nothing, where
    /// they hold. `kept` are heads of an earlier time, which every chain must still go through; a chain that is not among
    /// them had no record then. What has come since then is not older.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn verify_audit(&mut self, kept: &[ChainHead]) -> Result<Vec<Break>, Error> {
        let heads: Vec<ChainHead> = audit_chains::table.load(self.db)?;
        let mut chains: Vec<i64> =
            audit_records::table.select(audit_records::chain).distinct().load(self.db)?;
        chains.extend(heads.iter().chain(kept).map(|head| head.chain).chain(0..CHAINS));
        chains.sort_unstable();
        chains.dedup();
        let kept_at = self.find_time_of(kept)?;
        let is_sqlite = matches!(self.db, Db::Sqlite(_));
        let mut breaks = Vec::new();
        for chain in chains {
            let kept: Vec<&ChainHead> =
                kept.iter().filter(|kept| kept.chain == chain && kept.sequence > 0).collect();
            breaks.extend(self.walk(Walk {
                chain,
                is_used: chain == 0 || !is_sqlite,
                head: heads.iter().find(|head| head.chain == chain),
                last_kept: kept.iter().map(|kept| kept.sequence).max().unwrap_or_default(),
                kept,
                kept_at,
                sequence: 0,
                hash: "0".repeat(64),
                newest: 0,
                back_dated: None,
            })?);
        }
        Ok(breaks)
    }

    /// When the newest of the records was written whose hashes were kept: what has come since is not older.
    fn find_time_of(&mut self, kept: &[ChainHead]) -> Result<i64, Error> {
        let mut newest = 0;
        for head in kept.iter().filter(|head| head.sequence > 0) {
            let at: Option<i64> = audit_records::table
                .filter(audit_records::chain.eq(head.chain))
                .filter(audit_records::sequence.eq(head.sequence))
                .select(audit_records::recorded_at)
                .first(self.db)
                .optional()?;
            newest = newest.max(at.unwrap_or_default());
        }
        Ok(newest)
    }

    fn walk(&mut self, mut walk: Walk<'_>) -> Result<Option<Break>, Error> {
        loop {
            let page: Vec<AuditRecord> = audit_records::table
                .filter(audit_records::chain.eq(walk.chain))
                .filter(audit_records::sequence.gt(walk.sequence))
                .order(audit_records::sequence)
                .limit(PAGE)
                .load(self.db)?;
            for record in &page {
                if let Some(fault) = walk.step(record) {
                    return Ok(Some(fault));
                }
            }
            if page.is_empty() {
                return Ok(walk.end());
            }
        }
    }
}

/// A walk along a chain, and how far it has come.
struct Walk<'h> {
    chain: i64,
    is_used: bool,
    head: Option<&'h ChainHead>,
    kept: Vec<&'h ChainHead>,
    /// The place of the last head that was kept of this chain, and the time of those of all chains.
    last_kept: i64,
    kept_at: i64,
    sequence: i64,
    hash: String,
    /// The time of the newest record so far, and the first one that is older than it may be.
    newest: i64,
    back_dated: Option<Break>,
}

impl Walk<'_> {
    fn broken(&self, id: Option<&str>, fault: ChainFault) -> Break {
        Break { chain: self.chain, sequence: self.sequence + 1, id: id.map(str::to_owned), fault }
    }

    /// Looks at the next record.
    fn step(&mut self, record: &AuditRecord) -> Option<Break> {
        let expected = self.sequence + 1;
        let fault = if self.head.is_none() {
            Some(ChainFault::NoHead)
        } else if !self.is_used {
            Some(ChainFault::Unused)
        } else if self.head.is_some_and(|head| expected > head.sequence) {
            Some(ChainFault::Added)
        } else if record.sequence > expected {
            return Some(self.broken(None, ChainFault::Missing));
        } else if record.digest(&self.hash) != record.hash {
            // Whether its own contents are at fault, or what it was chained to.
            let is_whole = record.digest(&record.previous_hash) == record.hash;
            let follows = record.previous_hash == self.hash;
            Some(if is_whole || !follows { ChainFault::Reordered } else { ChainFault::Changed })
        } else if record.previous_hash != self.hash {
            Some(ChainFault::Changed)
        } else if self.kept.iter().any(|kept| kept.sequence == expected && kept.hash != record.hash) {
            Some(ChainFault::NotAsKept)
        } else {
            None
        };
        if let Some(fault) = fault {
            return Some(self.broken(Some(&record.id), fault));
        }
        self.look_at_time(record, expected);
        self.sequence = expected;
        self.hash.clone_from(&record.hash);
        None
    }

    /// Remembers the first record that is older than it may be. A clock that was set back does that, too: an operator who
    /// knows of it keeps the heads of a later time, and what stands before those is not named again.
    fn look_at_time(&mut self, record: &AuditRecord, sequence: i64) {
        let is_new = sequence > self.last_kept;
        let oldest = if is_new { self.newest.max(self.kept_at) } else { 0 };
        if self.back_dated.is_none() && record.recorded_at.saturating_add(SKEW) < oldest {
            self.back_dated = Some(self.broken(Some(&record.id), ChainFault::BackDated));
        }
        self.newest = self.newest.max(record.recorded_at);
    }

    /// Looks at the head, when there are no more records.
    fn end(&self) -> Option<Break> {
        let Some(head) = self.head else {
            // The migration makes a head for each of these; of others, only a kept one says that there were any.
            let is_missing = self.chain < CHAINS || !self.kept.is_empty();
            return is_missing.then(|| self.broken(None, ChainFault::NoHead));
        };
        if head.sequence > 0 {
            if head.sequence > self.sequence {
                return Some(self.broken(None, ChainFault::CutOff));
            }
            if head.hash != self.hash {
                let at_head = Break { sequence: self.sequence, ..self.broken(None, ChainFault::NotItsHead) };
                return Some(at_head);
            }
        }
        let is_cut = self.kept.iter().any(|kept| kept.sequence > self.sequence);
        is_cut.then(|| self.broken(None, ChainFault::CutOffSinceKept)).or_else(|| self.back_dated.clone())
    }
}
