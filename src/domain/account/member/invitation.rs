//! Invitations to an account: a code that is shown once, thirty days, five wrong answers.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::account::proofing::Proofing;

/// The ages from which a person may share, in whole years. A deployment may set others for a nation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareAges {
    /// The youngest invited user.
    pub invitee: u8,
    /// The youngest owner who shares.
    pub owner: u8,
}

impl ShareAges {
    /// England and Wales.
    pub const ENGLAND_AND_WALES: Self = Self { invitee: 18, owner: 16 };
}

/// The state of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationState {
    /// It can be accepted.
    Open {
        /// The wrong answers so far.
        wrong_answers: u8,
    },
    /// It was accepted.
    Accepted,
    /// It had too many wrong answers.
    Void,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The SHA-256 of its code, in hexadecimal. The code itself is shown once and never stored.
    pub code_digest: String,
    /// The owner's date of birth, which the invited user confirms.
    pub owner_birth_date: NaiveDate,
    /// The first instant at which it can no longer be accepted.
    pub expires_at: DateTime<Utc>,
    /// Its state.
    pub state: InvitationState,
}

/// The answer of an invited user.
#[derive(Clone, Copy, Debug)]
pub struct InvitationAnswer<'a> {
    /// The SHA-256 of the code that they enter, in hexadecimal.
    pub code_digest: &'a str,
    /// The owner's date of birth, as they enter it.
    pub owner_birth_date: NaiveDate,
    /// How well their identity is proved.
    pub proofing: Proofing,
    /// Their age in whole years.
    pub age: u8,
}

/// Why an answer is refused. The invited user gets the same text for each: it would tell which part was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This invitation cannot be used. Check the code and the date of birth, or ask for a new invitation.")]
pub enum InvitationRefused {
    /// It was accepted before, or is void.
    NotOpen,
    /// Its time has passed.
    Expired,
    /// The code or the date of birth is wrong.
    WrongAnswer,
    /// The identity is not proved to P9.
    Proofing,
    /// The invited user is too young.
    Age,
}

impl Invitation {
    /// How long it can be accepted.
    pub const TTL: TimeDelta = TimeDelta::days(30);
    /// The wrong answers after which it is void.
    pub const MOST_WRONG_ANSWERS: u8 = 5;

    /// A new invitation.
    pub fn new(code_digest: String, owner_birth_date: NaiveDate, now: DateTime<Utc>) -> Self {
        Self {
            code_digest,
            owner_birth_date,
            expires_at: now + Self::TTL,
            state: InvitationState::Open { wrong_answers: 0 },
        }
    }

    /// Judges an answer, and returns the invitation as it has to be stored. Only a wrong code or date counts as a wrong
    /// answer; once five did, no right one is accepted.
    ///
    /// # Errors
    ///
    /// [`InvitationRefused`] beside the invitation, where the answer is refused.
    pub fn answered(
        self,
        answer: &InvitationAnswer<'_>,
        ages: ShareAges,
        now: DateTime<Utc>,
    ) -> (Self, Result<(), InvitationRefused>) {
        let InvitationState::Open { wrong_answers } = self.state else {
            return (self, Err(InvitationRefused::NotOpen));
        };
        if self.expires_at <= now {
            return (self, Err(InvitationRefused::Expired));
        }
        let is_right =
            answer.code_digest == self.code_digest && answer.owner_birth_date == self.owner_birth_date;
        if !is_right {
            let wrong_answers = wrong_answers.saturating_add(1);
            let state = if wrong_answers >= Self::MOST_WRONG_ANSWERS {
                InvitationState::Void
            } else {
                InvitationState::Open { wrong_answers }
            };
            return (Self { state, ..self }, Err(InvitationRefused::WrongAnswer));
        }
        if answer.proofing < Proofing::P9 {
            return (self, Err(InvitationRefused::Proofing));
        }
        if answer.age < ages.invitee {
            return (self, Err(InvitationRefused::Age));
        }
        (Self { state: InvitationState::Accepted, ..self }, Ok(()))
    }
}
