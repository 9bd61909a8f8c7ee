//! The delivery state of each subscription, and its events.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use crate::db::Db;
use crate::dialect::on_dialect;
use crate::outbox::EventRow;
use crate::schema::{deliveries, subscription_events, subscriptions};
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::Error;
use domain::event::{Delivery, Event, Numbered, Subscription, SubscriptionStatus};

/// The most rows of one `INSERT`: SQLite takes 32766 values.
const MOST_ROWS: usize = 3000;

#[derive(Queryable)]
struct DeliveryRow {
    last_number: i64,
    sent_number: i64,
    batch_until: Option<i64>,
    due_at: Option<i64>,
    failures: i64,
    failing_since: Option<i64>,
    resend_from: Option<i64>,
    resend_until: Option<i64>,
    sent_at: Option<i64>,
    succeeded_at: Option<i64>,
    last_error: Option<String>,
    bound_to: Option<String>,
}

impl DeliveryRow {
    fn into_delivery(self) -> Delivery {
        Delivery {
            last_number: self.last_number,
            sent_number: self.sent_number,
            batch_until: self.batch_until,
            due_at: self.due_at.map(from_millis),
            failures: self.failures,
            failing_since: self.failing_since.map(from_millis),
            resend: self.resend_from.zip(self.resend_until),
            sent_at: self.sent_at.map(from_millis),
            succeeded_at: self.succeeded_at.map(from_millis),
            last_error: self.last_error,
            is_bound: self.bound_to.is_some(),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = subscription_events, treat_none_as_default_value = false)]
struct NumberedRow<'e> {
    subscription_id: &'e str,
    number: i64,
    event_id: String,
    topic: &'static str,
    occurred_at: i64,
    subject: &'e str,
    subject_version: i64,
    patient: &'e str,
    proxy: &'e str,
}

impl<'e> NumberedRow<'e> {
    fn of(subscription_id: &'e str, number: i64, event: &'e Event) -> Self {
        Self {
            subscription_id,
            number,
            event_id: event.id.to_string(),
            topic: event.topic.as_str(),
            occurred_at: to_millis(event.occurred_at),
            subject: &event.subject,
            subject_version: event.subject_version,
            patient: event.patient.as_str(),
            proxy: event.proxy.as_str(),
        }
    }
}

/// The columns of a [`DeliveryRow`].
macro_rules! delivery {
    () => {
        (
            deliveries::last_number,
            deliveries::sent_number,
            deliveries::batch_until,
            deliveries::due_at,
            deliveries::failures,
            deliveries::failing_since,
            deliveries::resend_from,
            deliveries::resend_until,
            deliveries::sent_at,
            deliveries::succeeded_at,
            deliveries::last_error,
            deliveries::bound_to,
        )
    };
}

impl Tx<'_> {
    /// Assigns events the next numbers of their subscriptions, in this order. The caller holds the lock of
    /// [`Tx::lock_numbering`]. A subscription that is active becomes due `now`, unless it is waiting for a
    /// retry, or its consumer connects by itself. The number of statements does not depend on that of the
    /// subscriptions, except for the row limit of one `INSERT`.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn append_events(
        &mut self,
        heard: &[(&Subscription, Vec<&Event>)],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let ids: Vec<String> = heard.iter().map(|(subscription, _)| subscription.id.to_string()).collect();
        let own = || deliveries::table.filter(deliveries::subscription_id.eq_any(&ids));
        let columns = (deliveries::subscription_id, deliveries::last_number);
        let last: HashMap<String, i64> =
            own().select(columns).load::<(String, i64)>(self.db)?.into_iter().collect();
        let mut rows = Vec::new();
        for (id, (_, events)) in ids.iter().zip(heard) {
            let last = last.get(id).copied().unwrap_or_default();
            rows.extend((last + 1..).zip(events).map(|(number, event)| NumberedRow::of(id, number, event)));
        }
        for rows in rows.chunks(MOST_ROWS) {
            on_dialect!(self.db, c => diesel::insert_into(subscription_events::table).values(rows).execute(c))?;
        }
        let highest = "(SELECT MAX(number) FROM subscription_events \
             WHERE subscription_events.subscription_id = deliveries.subscription_id)";
        on_dialect!(self.db, c => {
            diesel::update(own()).set(deliveries::last_number.eq(sql::<BigInt>(highest))).execute(c)
        })?;
        // Read after the rows are locked: one of them may have just become active.
        let active: Vec<(String, Option<String>)> = subscriptions::table
            .filter(subscriptions::id.eq_any(&ids))
            .filter(subscriptions::status.eq(SubscriptionStatus::Active.as_str()))
            .select((subscriptions::id, subscriptions::endpoint))
            .load(self.db)?;
        let pulled: Vec<&String> =
            active.iter().filter(|(_, endpoint)| endpoint.is_none()).map(|(id, _)| id).collect();
        let sent: Vec<&String> = active.iter().map(|(id, _)| id).collect();
        let at = to_millis(now);
        let idle = deliveries::table
            .filter(deliveries::subscription_id.eq_any(sent))
            .filter(deliveries::failures.eq(0))
            .filter(deliveries::bound_to.is_not_null().or(deliveries::subscription_id.ne_all(pulled)))
            .filter(deliveries::due_at.is_null().or(deliveries::due_at.gt(at)));
        diesel::update(idle).set(deliveries::due_at.eq(at)).execute(self.db)?;
        Ok(())
    }

    /// Makes these subscriptions due.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn make_due(&mut self, ids: &[Uuid], at: DateTime<Utc>) -> Result<(), Error> {
        let (ids, at): (Vec<String>, i64) = (ids.iter().map(Uuid::to_string).collect(), to_millis(at));
        let later = deliveries::table
            .filter(deliveries::subscription_id.eq_any(ids))
            .filter(deliveries::due_at.is_null().or(deliveries::due_at.gt(at)));
        diesel::update(later).set(deliveries::due_at.eq(at)).execute(self.db)?;
        Ok(())
    }

    /// The delivery state of a subscription.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_delivery(&mut self, id: Uuid) -> Result<Option<Delivery>, Error> {
        let own = deliveries::table.filter(deliveries::subscription_id.eq(id.to_string()));
        let row = own.select(delivery!()).first::<DeliveryRow>(self.db).optional()?;
        Ok(row.map(DeliveryRow::into_delivery))
    }

    /// As [`Tx::find_delivery`], with it and its subscription locked until this transaction ends: numbering
    /// and the owner work concurrently with the sender, and none may undo what another wrote. Every
    /// transaction locks the subscription first.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn lock_delivery(&mut self, id: Uuid) -> Result<Option<Delivery>, Error> {
        if let Db::Postgres(connection) = self.db {
            for sql in [
                "SELECT FROM subscriptions WHERE id = ? FOR NO KEY UPDATE",
                "SELECT FROM deliveries WHERE subscription_id = ? FOR UPDATE",
            ] {
                Sql::fixed(sql).text(id.to_string()).execute(connection)?;
            }
        }
        self.find_delivery(id)
    }

    /// The delivery states of these subscriptions, by id.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_deliveries(&mut self, ids: &[String]) -> Result<Vec<(String, Delivery)>, Error> {
        let own = deliveries::table.filter(deliveries::subscription_id.eq_any(ids));
        let rows: Vec<(String, DeliveryRow)> =
            own.select((deliveries::subscription_id, delivery!())).load(self.db)?;
        Ok(rows.into_iter().map(|(id, row)| (id, row.into_delivery())).collect())
    }

    /// Stores the delivery state of a subscription, except the number of its last event, which only numbering
    /// changes.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_delivery(&mut self, id: Uuid, delivery: &Delivery) -> Result<(), Error> {
        let (resend_from, resend_until) = delivery.resend.unzip();
        let set = (
            deliveries::sent_number.eq(delivery.sent_number),
            deliveries::batch_until.eq(delivery.batch_until),
            deliveries::due_at.eq(delivery.due_at.map(to_millis)),
            deliveries::failures.eq(delivery.failures),
            deliveries::failing_since.eq(delivery.failing_since.map(to_millis)),
            deliveries::resend_from.eq(resend_from),
            deliveries::resend_until.eq(resend_until),
            deliveries::sent_at.eq(delivery.sent_at.map(to_millis)),
            deliveries::succeeded_at.eq(delivery.succeeded_at.map(to_millis)),
            deliveries::last_error.eq(&delivery.last_error),
        );
        let own = deliveries::table.filter(deliveries::subscription_id.eq(id.to_string()));
        diesel::update(own).set(set).execute(self.db)?;
        Ok(())
    }

    /// Restarts delivery: earlier failures are forgotten, and the subscription is due then; with `None`
    /// nothing is sent any more. The number of the last accepted event is unchanged, for an attempt may be
    /// running; events that are no longer stored count as accepted, for they cannot be sent.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn restart_delivery(&mut self, id: Uuid, due_at: Option<DateTime<Utc>>) -> Result<(), Error> {
        let own = deliveries::table.filter(deliveries::subscription_id.eq(id.to_string()));
        let set = (
            deliveries::due_at.eq(due_at.map(to_millis)),
            deliveries::failures.eq(0),
            deliveries::failing_since.eq(None::<i64>),
        );
        diesel::update(own).set(set).execute(self.db)?;
        let skip = "UPDATE deliveries SET sent_number = \
             (SELECT COALESCE(MIN(number) - 1, deliveries.last_number) FROM subscription_events e \
             WHERE e.subscription_id = deliveries.subscription_id) \
             WHERE subscription_id = ? AND sent_number < \
             (SELECT COALESCE(MIN(number) - 1, deliveries.last_number) FROM subscription_events e \
             WHERE e.subscription_id = deliveries.subscription_id)";
        let skip = Sql::fixed(skip).text(id.to_string());
        on_dialect!(self.db, c => skip.execute(c))?;
        self.has_published = true;
        Ok(())
    }

    /// Schedules events for redelivery, beside those already scheduled. The subscription is due then.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn ask_to_resend(
        &mut self,
        id: Uuid,
        (from, until): (i64, i64),
        due_at: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        let own = || deliveries::table.filter(deliveries::subscription_id.eq(id.to_string()));
        let asked: (Option<i64>, Option<i64>) =
            own().select((deliveries::resend_from, deliveries::resend_until)).first(self.db)?;
        let set = (
            deliveries::resend_from.eq(asked.0.map_or(from, |asked| asked.min(from))),
            deliveries::resend_until.eq(asked.1.map_or(until, |asked| asked.max(until))),
        );
        diesel::update(own()).set(set).execute(self.db)?;
        if let Some(due_at) = due_at {
            self.make_due(&[id], due_at)?;
        }
        self.has_published = true;
        Ok(())
    }

    /// The first and the last number of the stored events of a subscription that occurred between two times,
    /// both included.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_numbers(
        &mut self,
        id: Uuid,
        (from, until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    ) -> Result<Option<(i64, i64)>, Error> {
        let from = from.map_or(i64::MIN, to_millis);
        let until = until.map_or(i64::MAX, to_millis);
        let within = subscription_events::table
            .filter(subscription_events::subscription_id.eq(id.to_string()))
            .filter(subscription_events::occurred_at.between(from, until));
        let ends =
            (diesel::dsl::min(subscription_events::number), diesel::dsl::max(subscription_events::number));
        let (first, last): (Option<i64>, Option<i64>) = within.select(ends).first(self.db)?;
        Ok(first.zip(last))
    }

    /// Events of a subscription from a number up to another, both included, in order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_events_of(
        &mut self,
        id: Uuid,
        from: i64,
        until: i64,
        limit: i64,
    ) -> Result<Vec<Numbered>, Error> {
        let columns = (
            subscription_events::number,
            (
                subscription_events::event_id,
                subscription_events::occurred_at,
                subscription_events::topic,
                subscription_events::subject,
                subscription_events::subject_version,
                subscription_events::patient,
                subscription_events::proxy,
            ),
        );
        let rows: Vec<(i64, EventRow)> = subscription_events::table
            .filter(subscription_events::subscription_id.eq(id.to_string()))
            .filter(subscription_events::number.between(from, until))
            .order(subscription_events::number)
            .limit(limit)
            .select(columns)
            .load(self.db)?;
        rows.into_iter().map(|(number, row)| Ok(Numbered { number, event: row.into_event()? })).collect()
    }
}
