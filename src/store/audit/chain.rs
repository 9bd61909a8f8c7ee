//! The chain: every record carries the hash of its predecessor and its own, over all of its columns. Whoever
//! changes, removes, adds or moves a record breaks it there; whoever rewrites the rest of the chain as well ends in
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

use crate::account::code::to_hex;
use crate::error::{Error, Kind};
use crate::store::Tx;
use crate::store::audit::AuditRecord;
use crate::store::audit::insert::insert;
use crate::store::db::Db;
use crate::store::dialect::on_dialect;
use crate::store::error::corrupt;
use crate::store::schema::{audit_chains, audit_records};
use crate::store::sql::Sql;

/// How many chains the migration makes.
const CHAINS: i64 = 16;

/// How many records are held in memory at a time while a chain is walked.
const PAGE: i64 = 1000;
/// What is hashed first, so that this is the hash of nothing else.
const DOMAIN: &str = "onbehalf audit record 1";

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName)]
pub struct Head {
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
    pub fault: Fault,
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
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
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.chain, self.sequence, self.hash)
    }
}

impl FromStr for Head {
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

impl fmt::Display for Fault {
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

impl Tx<'_> {
    /// Chains the records of this transaction and writes them. It is the last thing before the commit, so that
    /// the head of a chain is locked for no longer than needed, and nothing is waited for after it.
    pub(in crate::store) fn write_records(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut records = std::mem::take(&mut self.pending);
        self.chain_and_write(&mut records)
            .map_err(|error| if error.kind() == Kind::Busy { error } else { Error::fault(error) })
    }

    fn chain_and_write(&mut self, records: &mut [AuditRecord]) -> Result<(), Error> {
        let mut head = self.lock_head(records)?;
        for record in records.iter_mut() {
            head.sequence += 1;
            record.chain = head.chain;
            record.sequence = head.sequence;
            record.previous_hash = std::mem::take(&mut head.hash);
            record.hash = record.digest(&record.previous_hash);
            head.hash.clone_from(&record.hash);
        }
        insert(self.db, records)?;
        let end = Sql::fixed("UPDATE audit_chains SET sequence = ?, hash = ? WHERE chain = ?");
        let end = end.number(head.sequence).text(head.hash).number(head.chain);
        on_dialect!(self.db, c => end.execute(c))?;
        Ok(())
    }

    /// The head of a chain that nobody else is adding to; of one that somebody is, if all are in use.
    fn lock_head(&mut self, records: &[AuditRecord]) -> Result<Head, Error> {
        // The last digits of an id are random: transactions begin to look at different chains.
        let id = records.first().map_or("", |record| record.id.as_str());
        let start = i64::from(id.bytes().last().unwrap_or_default()) % CHAINS;
        match self.db {
            Db::Sqlite(connection) => {
                audit_chains::table.filter(audit_chains::chain.eq(0)).first(connection).optional()?
            }
            Db::Postgres(connection) => {
                let free = "SELECT chain, sequence, hash FROM audit_chains ORDER BY (chain + ?) % 16 LIMIT 1 \
                    FOR UPDATE SKIP LOCKED";
                let free = Sql::fixed(free).number(start).get_result(connection);
                match free.optional()? {
                    Some(head) => Some(head),
                    None => audit_chains::table.find(start).for_update().first(connection).optional()?,
                }
            }
        }
        .ok_or_else(|| corrupt("head of an audit chain"))
    }

    /// The heads of all chains that have a record, in order.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_audit_heads(&mut self) -> Result<Vec<Head>, Error> {
        Ok(audit_chains::table
            .filter(audit_chains::sequence.gt(0))
            .order(audit_chains::chain)
            .load(self.db)?)
    }

    /// Walks every chain from its beginning to its head and returns where each is first broken: nothing, where
    /// they hold. `kept` are heads of an earlier time, which every chain must still go through.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn verify_audit(&mut self, kept: &[Head]) -> Result<Vec<Break>, Error> {
        let heads: Vec<Head> = audit_chains::table.load(self.db)?;
        let mut chains: Vec<i64> =
            audit_records::table.select(audit_records::chain).distinct().load(self.db)?;
        chains.extend(heads.iter().chain(kept).map(|head| head.chain));
        chains.sort_unstable();
        chains.dedup();
        let mut breaks = Vec::new();
        for chain in chains {
            let head = heads.iter().find(|head| head.chain == chain);
            let kept = kept.iter().filter(|kept| kept.chain == chain && kept.sequence > 0).collect();
            let walk = Walk { chain, head, kept, sequence: 0, hash: "0".repeat(64) };
            breaks.extend(self.walk(walk)?);
        }
        Ok(breaks)
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
    head: Option<&'h Head>,
    kept: Vec<&'h Head>,
    sequence: i64,
    hash: String,
}

impl Walk<'_> {
    fn broken(&self, id: Option<&str>, fault: Fault) -> Break {
        Break { chain: self.chain, sequence: self.sequence + 1, id: id.map(str::to_owned), fault }
    }

    /// Looks at the next record.
    fn step(&mut self, record: &AuditRecord) -> Option<Break> {
        let expected = self.sequence + 1;
        let fault = if self.head.is_none() {
            Some(Fault::NoHead)
        } else if self.head.is_some_and(|head| expected > head.sequence) {
            Some(Fault::Added)
        } else if record.sequence > expected {
            return Some(self.broken(None, Fault::Missing));
        } else if record.digest(&self.hash) != record.hash {
            // Whether its own contents are at fault, or what it was chained to.
            let is_whole = record.digest(&record.previous_hash) == record.hash;
            let follows = record.previous_hash == self.hash;
            Some(if is_whole || !follows { Fault::Reordered } else { Fault::Changed })
        } else if record.previous_hash != self.hash {
            Some(Fault::Changed)
        } else if self.kept.iter().any(|kept| kept.sequence == expected && kept.hash != record.hash) {
            Some(Fault::NotAsKept)
        } else {
            None
        };
        if let Some(fault) = fault {
            return Some(self.broken(Some(&record.id), fault));
        }
        self.sequence = expected;
        self.hash.clone_from(&record.hash);
        None
    }

    /// Looks at the head, when there are no more records.
    fn end(&self) -> Option<Break> {
        let head = self.head.filter(|head| head.sequence > 0);
        if let Some(head) = head {
            if head.sequence > self.sequence {
                return Some(self.broken(None, Fault::CutOff));
            }
            if head.hash != self.hash {
                let at_head = Break { sequence: self.sequence, ..self.broken(None, Fault::NotItsHead) };
                return Some(at_head);
            }
        }
        let is_cut = self.kept.iter().any(|kept| kept.sequence > self.sequence);
        is_cut.then(|| self.broken(None, Fault::CutOffSinceKept))
    }
}
