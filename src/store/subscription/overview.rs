//! Overview of subscriptions, for operators.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use uuid::Uuid;

use super::owner;
use crate::dialect::on_dialect;
use crate::search::filter::Datum;
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::Error;

/// The state of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Its id.
    pub id: String,
    /// The kind of its owner; none where that cannot be read.
    pub owner_kind: Option<&'static str>,
    /// Its status.
    pub status: String,
    /// The reason for `error`.
    pub error: Option<String>,
    /// The channel type.
    pub channel: String,
    /// The endpoint. A URL: for the operator's eyes, not for a log.
    pub endpoint: Option<String>,
    /// The number of undelivered events.
    pub unsent: i64,
    /// The time of the first of them.
    pub unsent_since: Option<DateTime<Utc>>,
    /// The last successful attempt.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// The last error.
    pub last_error: Option<String>,
    /// When there is something to send or retry.
    pub due_at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct OverviewRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = Text)]
    channel_type: String,
    #[diesel(sql_type = Nullable<Text>)]
    endpoint: Option<String>,
    #[diesel(sql_type = BigInt)]
    unsent: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    unsent_since: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    succeeded_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    last_error: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    due_at: Option<i64>,
}

/// Undelivered events of all active subscriptions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Their number.
    pub count: i64,
    /// The time of the first of them.
    pub since: Option<DateTime<Utc>>,
    /// The number of subscriptions that are leased now, by any process.
    pub leases: i64,
}

#[derive(QueryableByName)]
struct UnsentRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    since: Option<i64>,
    #[diesel(sql_type = BigInt)]
    leases: i64,
}

const OVERVIEW: &str = "SELECT s.id, s.owner, s.status, s.error, s.channel_type, s.endpoint, \
     d.last_number - d.sent_number AS unsent, e.occurred_at AS unsent_since, \
     d.succeeded_at, d.last_error, d.due_at \
     FROM subscriptions s JOIN deliveries d ON d.subscription_id = s.id \
     LEFT JOIN subscription_events e ON e.subscription_id = s.id AND e.number = d.sent_number + 1 \
     WHERE NOT s.is_deleted AND ";

/// Only due subscriptions: the rows of the index, not of the table.
const UNSENT: &str = "SELECT CAST(COALESCE(SUM(d.last_number - d.sent_number), 0) AS BIGINT) AS count, \
     MIN(e.occurred_at) AS since, \
     CAST(COALESCE(SUM(CASE WHEN d.lease_until > ? THEN 1 ELSE 0 END), 0) AS BIGINT) AS leases \
     FROM deliveries d \
     LEFT JOIN subscription_events e ON e.subscription_id = d.subscription_id AND e.number = d.sent_number + 1 \
     WHERE d.due_at IS NOT NULL";

impl Tx<'_> {
    /// The states of subscriptions after this id, in its order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_overview(&mut self, after: Option<&str>, limit: i64) -> Result<Vec<Overview>, Error> {
        self.overview("s.id > ?", after.unwrap_or_default(), limit)
    }

    /// The state of one subscription.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_overview(&mut self, id: Uuid) -> Result<Option<Overview>, Error> {
        Ok(self.overview("s.id = ?", &id.to_string(), 1)?.pop())
    }

    fn overview(&mut self, condition: &str, id: &str, limit: i64) -> Result<Vec<Overview>, Error> {
        let sql = format!("{OVERVIEW}{condition} ORDER BY s.id LIMIT {limit}");
        let sql = Sql::composed(sql, vec![Datum::Text(id.to_owned())]);
        let rows: Vec<OverviewRow> = on_dialect!(self.db, c => sql.load(c))?;
        let read = rows.into_iter().map(|row| Overview {
            id: row.id,
            owner_kind: owner::read(&row.owner).ok().map(|owner| owner.principal.kind()),
            status: row.status,
            error: row.error,
            channel: row.channel_type,
            endpoint: row.endpoint,
            unsent: row.unsent,
            unsent_since: row.unsent_since.map(from_millis),
            succeeded_at: row.succeeded_at.map(from_millis),
            last_error: row.last_error,
            due_at: row.due_at.map(from_millis),
        });
        Ok(read.collect())
    }

    /// The undelivered events.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn count_unsent(&mut self, now: DateTime<Utc>) -> Result<Unsent, Error> {
        let unsent = Sql::fixed(UNSENT).number(to_millis(now));
        let row: UnsentRow = on_dialect!(self.db, c => unsent.get_result(c))?;
        Ok(Unsent { count: row.count, since: row.since.map(from_millis), leases: row.leases })
    }
}
