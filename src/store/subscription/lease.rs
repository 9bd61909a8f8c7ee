//! Leases of subscriptions: only the process that holds the lease sends.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use uuid::Uuid;

use crate::db::Db;
use crate::dialect::on_dialect;
use crate::schema::{deliveries, outbox, subscriptions};
use crate::search::filter::Datum;
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::Error;
use domain::event::SubscriptionStatus;

/// A due subscription, leased to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its id.
    pub subscription: Uuid,
    /// Its endpoint: subscriptions with a failing endpoint are postponed together.
    pub endpoint: Option<String>,
    /// Its owner as far as quotas go: a person in all apps, or a system or member of staff in one.
    pub owner: String,
    /// Whether only a heartbeat is due.
    pub is_heartbeat: bool,
}

/// The limits of a lease.
#[derive(Clone, Copy, Debug)]
pub struct Lease<'h> {
    /// The holder: a name that no other process has.
    pub holder: &'h str,
    /// Its duration.
    pub length: TimeDelta,
    /// The most subscriptions.
    pub limit: i64,
    /// The most events of one notification.
    pub most_events: i64,
}

/// The kinds of work that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Events to number.
    pub is_published: bool,
    /// Subscriptions to lease.
    pub is_due: bool,
    /// Subscriptions past their end.
    pub is_ended: bool,
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: String,
}

#[derive(Queryable)]
struct DueSubscriptionRow {
    id: String,
    endpoint: Option<String>,
    owner_key: String,
    status: String,
    last_number: i64,
    sent_number: i64,
    resend_from: Option<i64>,
}

impl DueSubscriptionRow {
    fn into_due(self) -> Result<Due, Error> {
        // The parts of the key are the kind, the principal, the patient they act for, and the app.
        let mut parts = self.owner_key.split('\u{1f}');
        let owner = match (parts.next(), parts.next()) {
            (Some("citizen" | "proxy"), Some(person)) => format!("person\u{1f}{person}"),
            _ => self.owner_key.clone(),
        };
        let is_active = self.status == SubscriptionStatus::Active.as_str();
        let has_events = self.last_number > self.sent_number || self.resend_from.is_some();
        Ok(Due {
            subscription: Uuid::parse_str(&self.id).map_err(Error::fault)?,
            endpoint: self.endpoint,
            owner,
            is_heartbeat: is_active && !has_events,
        })
    }
}

/// Sets the last event of the notification that is sent next, unless it has one: every attempt has the same
/// events, also those of a process that takes the lease over. The size is that of `Subscription::batch_size`.
fn batch_until(most: i64) -> String {
    let size = format!(
        "(SELECT CASE WHEN style <> 'backport' OR payload IS NULL OR payload = 'application/json' THEN 1 \
         WHEN max_count < {most} THEN max_count ELSE {most} END \
         FROM subscriptions WHERE subscriptions.id = deliveries.subscription_id)"
    );
    format!(
        "CASE WHEN batch_until > sent_number THEN batch_until WHEN last_number <= sent_number THEN NULL \
         WHEN last_number - sent_number <= {size} THEN last_number ELSE sent_number + {size} END"
    )
}

impl Tx<'_> {
    /// The work that is due now, in three reads of an index.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_waiting(&mut self, now: DateTime<Utc>) -> Result<Waiting, Error> {
        let published = outbox::table.filter(outbox::position.is_not_null()).select(outbox::id).limit(1);
        let is_published = !published.load::<String>(self.db)?.is_empty();
        let at = to_millis(now);
        let due = deliveries::table
            .filter(deliveries::due_at.le(at))
            .filter(deliveries::lease_until.is_null().or(deliveries::lease_until.le(at)))
            .order(deliveries::due_at)
            .select(deliveries::subscription_id)
            .limit(1);
        let is_due = !due.load::<String>(self.db)?.is_empty();
        let is_ended = !self.list_ended_subscriptions(now, 1)?.is_empty();
        Ok(Waiting { is_published, is_due, is_ended })
    }

    /// Leases due subscriptions that no other process holds: two concurrent callers get different ones.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn lease_due(&mut self, lease: Lease<'_>, now: DateTime<Utc>) -> Result<Vec<Due>, Error> {
        // SQLite has one writer, which needs no lock.
        let skip = if matches!(self.db, Db::Postgres(_)) { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql_text = format!(
            "SELECT subscription_id AS id FROM deliveries WHERE due_at <= ? \
             AND (lease_until IS NULL OR lease_until <= ?) AND (bound_to IS NULL OR bound_to = ?) \
             ORDER BY due_at LIMIT {}{skip}",
            lease.limit
        );
        let now_millis = to_millis(now);
        let values =
            vec![Datum::Number(now_millis), Datum::Number(now_millis), Datum::Text(lease.holder.to_owned())];
        let due = Sql::composed(sql_text, values);
        let ids: Vec<IdRow> = on_dialect!(self.db, c => due.load(c))?;
        let ids: Vec<String> = ids.into_iter().map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let batch = batch_until(lease.most_events);
        let until = to_millis(now + lease.length);
        on_dialect!(self.db, c => {
            let set = (
                deliveries::lease_holder.eq(lease.holder),
                deliveries::lease_until.eq(until),
                deliveries::batch_until.eq(sql::<Nullable<BigInt>>(&batch)),
            );
            diesel::update(deliveries::table.filter(deliveries::subscription_id.eq_any(&ids))).set(set).execute(c)
        })?;
        let columns = (
            subscriptions::id,
            subscriptions::endpoint,
            subscriptions::owner_key,
            subscriptions::status,
            deliveries::last_number,
            deliveries::sent_number,
            deliveries::resend_from,
        );
        let rows: Vec<DueSubscriptionRow> = subscriptions::table
            .inner_join(deliveries::table.on(deliveries::subscription_id.eq(subscriptions::id)))
            .filter(subscriptions::id.eq_any(&ids))
            .select(columns)
            .load(self.db)?;
        rows.into_iter().map(DueSubscriptionRow::into_due).collect()
    }

    /// Extends a lease. `false` where another process has taken it over: then nothing more may be sent.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn renew_lease(&mut self, id: Uuid, holder: &str, until: DateTime<Utc>) -> Result<bool, Error> {
        let renew = Sql::fixed(
            "UPDATE deliveries SET lease_until = ? WHERE subscription_id = ? AND lease_holder = ?",
        );
        let renew = renew.number(to_millis(until)).text(id.to_string()).text(holder);
        Ok(on_dialect!(self.db, c => renew.execute(c))? == 1)
    }

    /// Releases leases.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn release_leases(&mut self, ids: &[Uuid], holder: &str) -> Result<(), Error> {
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let mine = deliveries::table
            .filter(deliveries::subscription_id.eq_any(ids))
            .filter(deliveries::lease_holder.eq(holder));
        let set = (deliveries::lease_holder.eq(None::<String>), deliveries::lease_until.eq(None::<i64>));
        diesel::update(mine).set(set).execute(self.db)?;
        Ok(())
    }

    /// Releases every lease of a holder.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn release_all_leases(&mut self, holder: &str) -> Result<(), Error> {
        let mine = deliveries::table.filter(deliveries::lease_holder.eq(holder));
        let set = (deliveries::lease_holder.eq(None::<String>), deliveries::lease_until.eq(None::<i64>));
        diesel::update(mine).set(set).execute(self.db)?;
        Ok(())
    }

    /// Releases leases, not to be taken again before a time.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn postpone(&mut self, ids: &[Uuid], holder: &str, until: DateTime<Utc>) -> Result<(), Error> {
        let texts: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let mine = deliveries::table
            .filter(deliveries::subscription_id.eq_any(texts))
            .filter(deliveries::lease_holder.eq(holder))
            .filter(deliveries::due_at.is_not_null());
        diesel::update(mine).set(deliveries::due_at.eq(to_millis(until))).execute(self.db)?;
        self.release_leases(ids, holder)
    }

    /// Quarantines a subscription that cannot be read or rendered: its status is error, and nothing is
    /// numbered or sent for it until its owner updates it. `false` where it was quarantined already.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn quarantine_subscription(
        &mut self,
        id: &str,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let target = subscriptions::table
            .filter(subscriptions::id.eq(id))
            .filter(subscriptions::is_set_aside.eq(false));
        let set = (
            subscriptions::status.eq(SubscriptionStatus::Error.as_str()),
            subscriptions::error.eq(why),
            subscriptions::is_set_aside.eq(true),
            subscriptions::version.eq(subscriptions::version + 1),
            subscriptions::updated_at.eq(to_millis(now)),
        );
        if diesel::update(target).set(set).execute(self.db)? == 0 {
            return Ok(false);
        }
        let copy = "INSERT INTO subscription_versions \
             (id, version, updated_at, status, error, is_deleted, owner_key, document, headers) \
             SELECT id, version, updated_at, status, error, is_deleted, owner_key, document, headers \
             FROM subscriptions WHERE id = ?";
        let copy = Sql::fixed(copy).text(id);
        on_dialect!(self.db, c => copy.execute(c))?;
        let own = deliveries::table.filter(deliveries::subscription_id.eq(id));
        let none = (
            deliveries::due_at.eq(None::<i64>),
            deliveries::lease_holder.eq(None::<String>),
            deliveries::lease_until.eq(None::<i64>),
        );
        diesel::update(own).set(none).execute(self.db)?;
        Ok(true)
    }
}
