//! Messages to people.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::dialect::on_dialect;
use crate::person::nhs_number;
use crate::schema::{account_users, messages, users};
use crate::tx::Tx;
use base::date_time::{FhirDateTime, to_millis};
use base::error::Error;
use base::ids;
use domain::person::NhsNumber;

/// The subject of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A role ends soon.
    EndsSoon,
    /// A role has ended.
    HasEnded,
}

impl MessageKind {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndsSoon => "ends-soon",
            Self::HasEnded => "has-ended",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::EndsSoon, Self::HasEnded].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// To be sent, for the first time or again.
    Waiting,
    /// The sender was called without a known result: it may have been sent.
    Sending,
    /// The sender has accepted it.
    Sent,
    /// There is no address of this person.
    Unaddressed,
    /// Given up.
    Failed,
    /// Its text is no longer true.
    Withdrawn,
}

impl MessageState {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Unaddressed => "unaddressed",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A message to store.
#[derive(Clone, Debug)]
pub struct NewMessage<'m> {
    /// The recipient.
    pub person: NhsNumber,
    /// The reason: no person gets two messages with the same reason.
    pub reason: &'m str,
    /// The role that it is about.
    pub role: Uuid,
    /// The kind of message.
    pub kind: MessageKind,
    /// The end of the role.
    pub end: &'m FhirDateTime,
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct OutgoingMessage {
    /// Its id.
    pub id: String,
    /// The recipient.
    pub person: NhsNumber,
    /// The role that it is about.
    pub role: Uuid,
    /// The kind of message.
    pub kind: MessageKind,
    /// The end of the role.
    pub end: FhirDateTime,
    /// The number of attempts.
    pub attempts: i64,
}

/// The messages to send now, the one that has been due longest first.
#[derive(Clone, Debug)]
pub struct DueMessages {
    /// Those that can be read.
    pub messages: Vec<OutgoingMessage>,
    /// The ids of unreadable ones with their numbers of attempts. They must be given up, so that they do not
    /// block others.
    pub unreadable: Vec<(String, i64)>,
}

type Row = (String, String, String, String, String, i64);

impl Tx<'_> {
    /// Stores a message; returns false where this person has one with the same reason.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_message(&mut self, message: &NewMessage<'_>, now: DateTime<Utc>) -> Result<bool, Error> {
        let row = (
            messages::id.eq(ids::new_uuid(now).to_string()),
            messages::person.eq(message.person.as_str()),
            messages::reason.eq(message.reason),
            messages::role_id.eq(message.role.to_string()),
            messages::kind.eq(message.kind.as_str()),
            messages::end_text.eq(message.end.text()),
            messages::state.eq(MessageState::Waiting.as_str()),
            messages::attempts.eq(0),
            messages::created_at.eq(to_millis(now)),
            messages::due_at.eq(to_millis(now)),
        );
        let inserted = on_dialect!(self.db, c => {
            diesel::insert_into(messages::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        Ok(inserted == 1)
    }

    /// The first messages that are due.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_due_messages(&mut self, now: DateTime<Utc>, limit: i64) -> Result<DueMessages, Error> {
        let rows: Vec<Row> = messages::table
            .filter(messages::state.eq(MessageState::Waiting.as_str()))
            .filter(messages::due_at.le(to_millis(now)))
            .order((messages::due_at, messages::id))
            .limit(limit)
            .select((
                messages::id,
                messages::person,
                messages::role_id,
                messages::kind,
                messages::end_text,
                messages::attempts,
            ))
            .load(self.db)?;
        let outgoing = |(id, person, role, kind, end, attempts): Row| {
            let message = OutgoingMessage {
                id,
                person: nhs_number(&person).ok()?,
                role: Uuid::parse_str(&role).ok()?,
                kind: MessageKind::parse(&kind)?,
                end: FhirDateTime::parse(&end).ok()?,
                attempts,
            };
            Some(message)
        };
        let mut due = DueMessages { messages: Vec::with_capacity(rows.len()), unreadable: Vec::new() };
        for row in rows {
            let known = (row.0.clone(), row.5);
            match outgoing(row) {
                Some(message) => due.messages.push(message),
                None => due.unreadable.push(known),
            }
        }
        Ok(due)
    }

    /// Moves a message from one state to another; returns false where it is not in the first. With the time
    /// when it is due next, or of this change.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn move_message(
        &mut self,
        id: &str,
        (from, to): (MessageState, MessageState),
        attempts: i64,
        at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let target = messages::table.find(id).filter(messages::state.eq(from.as_str()));
        let state = (
            messages::state.eq(to.as_str()),
            messages::attempts.eq(attempts),
            messages::due_at.eq(to_millis(at)),
        );
        Ok(diesel::update(target).set(state).execute(self.db)? == 1)
    }

    /// The address of this person: the last one that the user of their account gave.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_address(&mut self, person: NhsNumber) -> Result<Option<String>, Error> {
        let address: Option<Option<String>> = account_users::table
            .inner_join(users::table.on(users::id.eq(account_users::user_id)))
            .filter(account_users::nhs_number.eq(person.as_str()))
            .filter(users::email.is_not_null())
            .order((users::updated_at.desc(), users::id))
            .select(users::email)
            .first(self.db)
            .optional()?;
        Ok(address.flatten())
    }

    /// Stores a user's address.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_address(&mut self, user: Uuid, email: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let other = users::table
            .find(user.to_string())
            .filter(users::email.is_null().or(users::email.ne(email)).assume_not_null());
        let address = (users::email.eq(email), users::updated_at.eq(to_millis(now)));
        diesel::update(other).set(address).execute(self.db)?;
        Ok(())
    }
}
