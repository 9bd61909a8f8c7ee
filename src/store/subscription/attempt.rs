//! The log of delivery attempts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::attempts;
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::Error;
use domain::event::{Attempt, DeliveryFailure};

/// A logged attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns, which the migration describes")]
pub struct AttemptRecord {
    pub at: DateTime<Utc>,
    pub kind: String,
    pub first_number: Option<i64>,
    pub last_number: Option<i64>,
    pub is_taken: bool,
    pub failure: Option<String>,
    pub status: Option<i64>,
    pub duration_ms: i64,
    pub answer: Option<String>,
}

#[derive(Queryable)]
struct AttemptRow {
    at: i64,
    kind: String,
    first_number: Option<i64>,
    last_number: Option<i64>,
    is_taken: bool,
    failure: Option<String>,
    status: Option<i64>,
    duration_ms: i64,
    answer: Option<String>,
}

impl Tx<'_> {
    /// The last attempts for a subscription, the newest first.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_attempts(&mut self, subscription: Uuid, limit: i64) -> Result<Vec<AttemptRecord>, Error> {
        let rows: Vec<AttemptRow> = attempts::table
            .filter(attempts::subscription_id.eq(subscription.to_string()))
            .order(attempts::id.desc())
            .limit(limit)
            .select((
                attempts::at,
                attempts::kind,
                attempts::first_number,
                attempts::last_number,
                attempts::is_taken,
                attempts::failure,
                attempts::status,
                attempts::duration_ms,
                attempts::answer,
            ))
            .load(self.db)?;
        let record = |row: AttemptRow| {
            let AttemptRow { kind, first_number, last_number, is_taken, failure, status, .. } = row;
            let at = from_millis(row.at);
            let (duration_ms, answer) = (row.duration_ms, row.answer);
            AttemptRecord {
                at,
                kind,
                first_number,
                last_number,
                is_taken,
                failure,
                status,
                duration_ms,
                answer,
            }
        };
        Ok(rows.into_iter().map(record).collect())
    }

    /// Stores an attempt.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_attempt(&mut self, subscription: Uuid, attempt: &Attempt) -> Result<(), Error> {
        let (first, last) = attempt.numbers.unzip();
        let row = (
            attempts::id.eq(attempt.id.to_string()),
            attempts::subscription_id.eq(subscription.to_string()),
            attempts::at.eq(to_millis(attempt.at)),
            attempts::kind.eq(attempt.kind),
            attempts::first_number.eq(first),
            attempts::last_number.eq(last),
            attempts::is_taken.eq(attempt.outcome.is_ok()),
            attempts::failure.eq(attempt
                .outcome
                .as_ref()
                .err()
                .map(|failure: &DeliveryFailure| failure.code)),
            attempts::status.eq(attempt.status.map(i64::from)),
            attempts::duration_ms.eq(attempt.duration.num_milliseconds()),
            attempts::answer.eq(&attempt.answer),
        );
        diesel::insert_into(attempts::table).values(row).execute(self.db)?;
        Ok(())
    }
}
