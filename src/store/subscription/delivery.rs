//! How far each subscription is told: its events, who sends them now, and what came of each attempt.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use uuid::Uuid;

use crate::date_time::{from_millis, to_millis};
use crate::error::Error;
use crate::event::{Attempt, Delivery, Event, Failure, Numbered, Subscription};
use crate::store::Tx;
use crate::store::db::Db;
use crate::store::dialect::on_dialect;
use crate::store::outbox::EventRow;
use crate::store::schema::{attempts, deliveries, subscription_events, subscriptions};
use crate::store::search::mark;

/// A subscription that there is something to do for, leased to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub subscription: Uuid,
    /// Its endpoint, which says whom a failing consumer shares its fate with.
    pub endpoint: Option<String>,
}

#[derive(Queryable)]
struct DeliveryRow {
    last_number: i64,
    sent_number: i64,
    due_at: Option<i64>,
    failures: i64,
    failing_since: Option<i64>,
    resend_from: Option<i64>,
    resend_until: Option<i64>,
    sent_at: Option<i64>,
    succeeded_at: Option<i64>,
    last_error: Option<String>,
}

impl DeliveryRow {
    fn into_delivery(self) -> Delivery {
        Delivery {
            last_number: self.last_number,
            sent_number: self.sent_number,
            due_at: self.due_at.map(from_millis),
            failures: self.failures,
            failing_since: self.failing_since.map(from_millis),
            resend: self.resend_from.zip(self.resend_until),
            sent_at: self.sent_at.map(from_millis),
            succeeded_at: self.succeeded_at.map(from_millis),
            last_error: self.last_error,
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
            deliveries::due_at,
            deliveries::failures,
            deliveries::failing_since,
            deliveries::resend_from,
            deliveries::resend_until,
            deliveries::sent_at,
            deliveries::succeeded_at,
            deliveries::last_error,
        )
    };
}

impl Tx<'_> {
    /// Gives events the next numbers of a subscription, in this order. Who calls this holds the lock of
    /// [`Tx::lock_numbering`]. With `due_at` the subscription is due then, unless it is waiting to try again, or
    /// its consumer comes by itself.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn append_events(
        &mut self,
        subscription: &Subscription,
        events: &[&Event],
        due_at: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        let id = subscription.id.to_string();
        let own = || deliveries::table.filter(deliveries::subscription_id.eq(&id));
        let last: i64 = own().select(deliveries::last_number).first(self.db)?;
        let rows: Vec<NumberedRow<'_>> =
            (last + 1..).zip(events).map(|(number, event)| NumberedRow::of(&id, number, event)).collect();
        let number = rows.last().map_or(last, |row| row.number);
        on_dialect!(self.db, c => diesel::insert_into(subscription_events::table).values(&rows).execute(c))?;
        diesel::update(own()).set(deliveries::last_number.eq(number)).execute(self.db)?;
        if let (Some(due_at), true) = (due_at, subscription.channel.endpoint.is_some()) {
            let idle = own().filter(deliveries::failures.eq(0));
            let at = to_millis(due_at);
            let later = idle.filter(deliveries::due_at.is_null().or(deliveries::due_at.gt(at)));
            diesel::update(later).set(deliveries::due_at.eq(at)).execute(self.db)?;
        }
        Ok(())
    }

    /// How far a subscription is told.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_delivery(&mut self, id: Uuid) -> Result<Option<Delivery>, Error> {
        let own = deliveries::table.filter(deliveries::subscription_id.eq(id.to_string()));
        let row = own.select(delivery!()).first::<DeliveryRow>(self.db).optional()?;
        Ok(row.map(DeliveryRow::into_delivery))
    }

    /// How far these subscriptions are told, by id.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_deliveries(&mut self, ids: &[String]) -> Result<Vec<(String, Delivery)>, Error> {
        let own = deliveries::table.filter(deliveries::subscription_id.eq_any(ids));
        let rows: Vec<(String, DeliveryRow)> =
            own.select((deliveries::subscription_id, delivery!())).load(self.db)?;
        Ok(rows.into_iter().map(|(id, row)| (id, row.into_delivery())).collect())
    }

    /// Writes how far a subscription is told, but for the number of its last event, which only numbering moves.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn save_delivery(&mut self, id: Uuid, delivery: &Delivery) -> Result<(), Error> {
        let (resend_from, resend_until) = delivery.resend.unzip();
        let set = (
            deliveries::sent_number.eq(delivery.sent_number),
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

    /// Events of a subscription from a number up to another, both included, in order.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
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

    /// Takes what is due and nobody else is at, for as long as the lease: of two that ask at once, each gets
    /// others.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn lease_due(
        &mut self,
        holder: &str,
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: i64,
    ) -> Result<Vec<Due>, Error> {
        // The one writer of SQLite needs no lock.
        let skip = if matches!(self.db, Db::Postgres(_)) { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "SELECT subscription_id AS id FROM deliveries WHERE due_at <= ? \
             AND (lease_until IS NULL OR lease_until <= ?) ORDER BY due_at LIMIT {limit}{skip}"
        );
        let now_millis = to_millis(now);
        let ids: Vec<IdRow> = on_dialect!(self.db, c => {
            diesel::sql_query(mark(c, &sql))
                .bind::<BigInt, _>(now_millis)
                .bind::<BigInt, _>(now_millis)
                .load(c)
        })?;
        let ids: Vec<String> = ids.into_iter().map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mine = deliveries::table.filter(deliveries::subscription_id.eq_any(&ids));
        let set = (deliveries::lease_holder.eq(holder), deliveries::lease_until.eq(to_millis(now + lease)));
        diesel::update(mine).set(set).execute(self.db)?;
        let endpoints: Vec<(String, Option<String>)> = subscriptions::table
            .filter(subscriptions::id.eq_any(&ids))
            .select((subscriptions::id, subscriptions::endpoint))
            .load(self.db)?;
        let due = endpoints.into_iter().map(|(id, endpoint)| {
            Ok(Due { subscription: Uuid::parse_str(&id).map_err(Error::fault)?, endpoint })
        });
        due.collect()
    }

    /// Holds a lease for longer. `false` when it was lost to somebody else: then nothing more may be sent.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn renew_lease(&mut self, id: Uuid, holder: &str, until: DateTime<Utc>) -> Result<bool, Error> {
        let mine = deliveries::table
            .filter(deliveries::subscription_id.eq(id.to_string()))
            .filter(deliveries::lease_holder.eq(holder));
        let set = deliveries::lease_until.eq(to_millis(until));
        Ok(diesel::update(mine).set(set).execute(self.db)? == 1)
    }

    /// Gives a lease back.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn release_lease(&mut self, id: Uuid, holder: &str) -> Result<(), Error> {
        let mine = deliveries::table
            .filter(deliveries::subscription_id.eq(id.to_string()))
            .filter(deliveries::lease_holder.eq(holder));
        let set = (deliveries::lease_holder.eq(None::<String>), deliveries::lease_until.eq(None::<i64>));
        diesel::update(mine).set(set).execute(self.db)?;
        Ok(())
    }

    /// When the next subscription is due, or its lease can be taken over.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_next_due(&mut self) -> Result<Option<DateTime<Utc>>, Error> {
        let first = deliveries::table.filter(deliveries::due_at.is_not_null()).order(deliveries::due_at);
        let at: Option<Option<i64>> = first.select(deliveries::due_at).first(self.db).optional()?;
        Ok(at.flatten().map(from_millis))
    }

    /// Keeps an attempt.
    ///
    /// # Errors
    ///
    /// When the database refuses.
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
            attempts::failure.eq(attempt.outcome.as_ref().err().map(|failure: &Failure| failure.code)),
            attempts::status.eq(attempt.status.map(i64::from)),
            attempts::duration_ms.eq(attempt.duration.num_milliseconds()),
            attempts::answer.eq(&attempt.answer),
        );
        diesel::insert_into(attempts::table).values(row).execute(self.db)?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: String,
}
