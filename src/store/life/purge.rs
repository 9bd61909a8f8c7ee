//! The removal of what nobody needs any more.

use chrono::{DateTime, Utc};
use diesel::RunQueryDsl as _;

use crate::dialect::on_dialect;
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::Error;

/// What is removed once it is old enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Codes that were not redeemed, or were.
    Codes,
    /// Refresh tokens that are over.
    RefreshTokens,
    /// What may be shown once.
    SeenOnce,
    /// Log-ins that were given up.
    LogIns,
    /// Authorization requests that were left beforehand.
    PushedRequests,
    /// Grants that ended long ago, on which nothing hangs any more: no subscription that is live, or that its consumer
    /// made fail and an operator may set going again.
    Grants,
    /// Messages that were sent or given up.
    Messages,
    /// Reminders of ends long past.
    Reminders,
    /// The ids of events that came in.
    InboundEvents,
    /// Events of subscriptions whose consumers have taken them, or to whom nothing is sent any more.
    NumberedEvents,
    /// The log of attempts to tell consumers.
    Attempts,
    /// Events that everybody has numbers for.
    PublishedEvents,
}

/// Grants on which neither a code nor a token hangs, nor a subscription that is live, or that an operator may set going again.
const GRANTS: &str = "DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE expires_at < ? \
     AND NOT EXISTS (SELECT 1 FROM codes WHERE codes.grant_id = grants.id) \
     AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE refresh_tokens.grant_id = grants.id) \
     AND NOT EXISTS (SELECT 1 FROM subscriptions \
     WHERE subscriptions.grant_id = grants.id AND is_deleted = FALSE \
     AND (status IN ('requested', 'active') OR (status = 'error' AND grants.mode <> 'citizen'))) \
     ORDER BY expires_at LIMIT ?)";

impl Old {
    /// Every kind, what hangs on another before that other.
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

    /// Removes so many of those that were over before a time; two columns name a row where it takes two.
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
            // What a consumer that is called has not taken yet stays, however old it is: it would be a gap.
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
    /// Removes what was over before a time, so many at most, and gives how many those were.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn delete_old(&mut self, old: Old, before: DateTime<Utc>, limit: i64) -> Result<usize, Error> {
        let delete = Sql::fixed(old.statement()).number(to_millis(before)).number(limit);
        Ok(on_dialect!(self.db, c => delete.execute(c))?)
    }
}
