//! What the registry tells of a person, and how it is written down.

use chrono::{DateTime, Utc};

use base::error::Error;
use domain::account::Caller;
use domain::audit::{Access, Act, Actor};
use domain::person::NhsNumber;
use store::Tx;

/// Who tells, and when it happened.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'c> {
    /// The system that tells.
    pub caller: &'c Caller,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The time now.
    pub now: DateTime<Utc>,
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something is different.
    Applied,
    /// It was so already.
    Known,
    /// Something newer is known.
    Late,
    /// No person of this database has this number.
    Unknown,
    /// It contradicts what is known, and only people can say which is right.
    Contradiction,
}

impl Told {
    /// The word that the store and the answer have for it.
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

/// How many numbers a person can have had. No person has had so many; a way that is longer leads nowhere.
const MOST_NUMBERS: usize = 64;

/// The number under which a person goes now, if it is anybody's here.
pub(super) fn present_number(tx: &mut Tx<'_>, number: NhsNumber) -> Result<Option<NhsNumber>, Error> {
    let (number, is_here) = latest_number(tx, number)?;
    Ok(is_here.then_some(number))
}

/// The number under which a person goes now, and whether it is anybody's here.
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

/// Writes down that the registry told something of a person: no other person is named in that.
pub(super) fn record(
    tx: &mut Tx<'_>,
    act: Act,
    telling: Telling<'_>,
    person: NhsNumber,
) -> Result<(), Error> {
    let access = Access::new(act, Actor::of(telling.caller), telling.now);
    tx.record_access(&access.of(&format!("Patient/{person}")).about(Some(person), None))
}
