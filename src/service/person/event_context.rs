//! Registry events about a person, and their records.

use chrono::{DateTime, Utc};

use base::error::Error;
use domain::account::Caller;
use domain::audit::{Access, Act, Actor};
use domain::person::NhsNumber;
use store::Tx;

/// The context of a registry event.
#[derive(Clone, Copy, Debug)]
pub struct RegistryEventContext<'c> {
    /// The system that reports it.
    pub caller: &'c Caller,
    /// When it occurred.
    pub at: DateTime<Utc>,
    /// The time now.
    pub now: DateTime<Utc>,
}

/// The result of a registry event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryUpdateOutcome {
    /// It changed something.
    Applied,
    /// It was known already.
    Known,
    /// A newer event is known.
    Late,
    /// No person of this database has this number.
    Unknown,
    /// It contradicts what is known, and only people can decide which is right.
    Contradiction,
}

impl RegistryUpdateOutcome {
    /// The word in the store and in the response.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Known => "known",
            Self::Late => "late",
            Self::Unknown => "unknown-person",
            Self::Contradiction => "contradiction",
        }
    }
}

/// The most numbers that a person can have had. A longer chain leads nowhere.
const MOST_NUMBERS: usize = 64;

/// The person's present number, where this database knows them.
pub(super) fn present_number(tx: &mut Tx<'_>, number: NhsNumber) -> Result<Option<NhsNumber>, Error> {
    let (number, is_here) = latest_number(tx, number)?;
    Ok(is_here.then_some(number))
}

/// The person's present number, and whether this database knows them.
pub(super) fn latest_number(tx: &mut Tx<'_>, number: NhsNumber) -> Result<(NhsNumber, bool), Error> {
    let mut present = number;
    for _ in 0..MOST_NUMBERS {
        match tx.find_successor(present)? {
            Some(next) => present = next,
            None => return Ok((present, tx.find_standing(present)?.is_some())),
        }
    }
    Err(Error::fault("a number was changed too often"))
}

/// Records a registry event about a person; the record names no other person.
pub(super) fn record(
    tx: &mut Tx<'_>,
    act: Act,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
) -> Result<(), Error> {
    let access = Access::new(act, Actor::of(context.caller), context.now);
    tx.record_access(&access.of(&format!("Patient/{person}")).about(Some(person), None))
}
