//! Removal of expired data.

use chrono::{DateTime, Utc};
use diesel::RunQueryDsl as _;

use crate::dialect::on_dialect;
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::Error;

/// Kinds of data that are removed once old enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionPolicy {
    /// Codes, redeemed or not.
    Codes,
    /// Expired refresh tokens.
    RefreshTokens,
    /// Single-use values.
    SeenOnce,
    /// Abandoned log-ins.
    LogIns,
    /// Pushed authorization requests.
    PushedRequests,
    /// Grants that ended long ago and have no dependants: no subscription that is live, or in error through
    /// its consumer, so that an operator may re-activate it.
    Grants,
    /// Messages that were sent or given up.
    Messages,
    /// Reminders of ends long past.
    Reminders,
    /// The ids of registry events.
    InboundEvents,
    /// Events of subscriptions that were accepted, or will not be sent any more.
    NumberedEvents,
    /// The log of delivery attempts.
    Attempts,
    /// Events that are numbered in every subscription.
    PublishedEvents,
}

/// Grants without a code, a token, or a subscription that is live or that an operator may re-activate.
const GRANTS: &str = "DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE expires_at < ? \
     AND NOT EXISTS (SELECT 1 FROM codes WHERE codes.grant_id = grants.id) \
     AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE refresh_tokens.grant_id = grants.id) \
     AND NOT EXISTS (SELECT 1 FROM subscriptions \
     WHERE subscriptions.grant_id = grants.id AND is_deleted = FALSE \
     AND (status IN ('requested', 'active') OR (status = 'error' AND grants.mode <> 'citizen'))) \
     ORDER BY expires_at LIMIT ?)";

impl RetentionPolicy {
    /// Every kind, dependants first.
    pub const ALL: [Self; 12] = [
        Self::Codes,
        Self::RefreshTokens,
        Self::SeenOnce,
        Self::LogIns,
        Self::PushedRequests,
        Self::Grants,
        Self::Messages,
        Self::Reminders,
        Self::InboundEvents,
        Self::NumberedEvents,
        Self::Attempts,
        Self::PublishedEvents,
    ];

    /// The statement that removes up to so many rows that expired before a time; two columns name a row where
    /// its key has two.
    const fn statement(self) -> &'static str {
        match self {
            Self::Codes => {
                "DELETE FROM codes WHERE digest IN \
                 (SELECT digest FROM codes WHERE expires_at < ? ORDER BY expires_at LIMIT ?)"
            }
            Self::RefreshTokens => {
                "DELETE FROM refresh_tokens WHERE digest IN \
                 (SELECT digest FROM refresh_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?)"
            }
            Self::SeenOnce => {
                "DELETE FROM seen_once WHERE digest IN \
                 (SELECT digest FROM seen_once WHERE expires_at < ? ORDER BY expires_at LIMIT ?)"
            }
            Self::LogIns => {
                "DELETE FROM log_ins WHERE digest IN \
                 (SELECT digest FROM log_ins WHERE expires_at < ? ORDER BY expires_at LIMIT ?)"
            }
            Self::PushedRequests => {
                "DELETE FROM pushed_requests WHERE digest IN \
                 (SELECT digest FROM pushed_requests WHERE expires_at < ? ORDER BY expires_at LIMIT ?)"
            }
            Self::Grants => GRANTS,
            Self::Messages => {
                "DELETE FROM messages WHERE id IN (SELECT id FROM messages \
                 WHERE state IN ('sent', 'unaddressed', 'failed', 'withdrawn', 'sending') AND due_at < ? LIMIT ?)"
            }
            Self::Reminders => {
                "DELETE FROM role_reminders WHERE (role_id, end_at, days) IN \
                 (SELECT role_id, end_at, days FROM role_reminders WHERE end_at < ? ORDER BY end_at LIMIT ?)"
            }
            Self::InboundEvents => {
                "DELETE FROM inbound_events WHERE (source, id) IN \
                 (SELECT source, id FROM inbound_events WHERE received_at < ? ORDER BY received_at LIMIT ?)"
            }
            // An undelivered event of a consumer that is called stays, however old it is: without it there
            // would be a gap.
            Self::NumberedEvents => {
                "DELETE FROM subscription_events WHERE (subscription_id, number) IN \
                 (SELECT e.subscription_id, e.number FROM subscription_events e \
                 JOIN deliveries d ON d.subscription_id = e.subscription_id \
                 JOIN subscriptions s ON s.id = e.subscription_id WHERE e.occurred_at < ? \
                 AND (e.number <= d.sent_number OR s.is_deleted = TRUE OR s.status IN ('error', 'off')) \
                 ORDER BY e.occurred_at LIMIT ?)"
            }
            Self::Attempts => {
                "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE at < ? ORDER BY at LIMIT ?)"
            }
            Self::PublishedEvents => {
                "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox \
                 WHERE occurred_at < ? AND position IS NULL ORDER BY occurred_at LIMIT ?)"
            }
        }
    }
}

impl Tx<'_> {
    /// Removes up to `limit` rows that expired before a time, and returns their number.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn delete_expired(
        &mut self,
        policy: RetentionPolicy,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<usize, Error> {
        let delete = Sql::fixed(policy.statement()).number(to_millis(before)).number(limit);
        Ok(on_dialect!(self.db, c => delete.execute(c))?)
    }
}
