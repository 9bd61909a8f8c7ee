//! Subscriptions by version, and their delivery states.

mod attempt;
mod binding;
mod delivery;
mod lease;
mod overview;
mod owner;
mod pre_subscription_events;
mod row;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use crate::db::Db;
use crate::dialect::InList;
use crate::schema::{deliveries, subscription_versions, subscriptions};
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::{Error, ErrorKind};
use domain::event::{Subscription, SubscriptionStatus, owner_key};
use domain::person::NhsNumber;
use domain::proxy::Versioned;
use row::{SubscriptionRow, VersionRow};

pub use attempt::AttemptRecord;
pub use lease::{Due, Lease, Waiting};
pub use overview::{Overview, Unsent};
pub use row::SubscriptionVersion;

impl Tx<'_> {
    /// Inserts a subscription, which receives events committed from now on. With a time it is due then, for
    /// the handshake.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_subscription(
        &mut self,
        subscription: Subscription,
        due_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Versioned<Subscription>, Error> {
        let first = Versioned { value: subscription, version: 1, updated_at: now };
        let row = SubscriptionRow::of(&first)?;
        diesel::insert_into(subscriptions::table).values(&row).execute(self.db)?;
        diesel::insert_into(subscription_versions::table).values(VersionRow::of(&row)).execute(self.db)?;
        let delivery = (
            deliveries::subscription_id.eq(&row.id),
            deliveries::last_number.eq(0),
            deliveries::sent_number.eq(0),
            deliveries::failures.eq(0),
            deliveries::due_at.eq(due_at.map(to_millis)),
        );
        diesel::insert_into(deliveries::table).values(delivery).execute(self.db)?;
        self.begin_hearing(first.value.id)?;
        self.has_published = true;
        Ok(first)
    }

    /// Writes the next version of a subscription over the version that it was made from.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PreconditionFailed`] after a concurrent change.
    pub fn save_subscription(
        &mut self,
        subscription: Subscription,
        expected: i64,
        now: DateTime<Utc>,
    ) -> Result<Versioned<Subscription>, Error> {
        let next = Versioned { value: subscription, version: expected + 1, updated_at: now };
        let row = SubscriptionRow::of(&next)?;
        let target = subscriptions::table
            .filter(subscriptions::id.eq(&row.id))
            .filter(subscriptions::version.eq(expected));
        match diesel::update(target).set(&row).execute(self.db)? {
            1 => {
                let version = VersionRow::of(&row);
                diesel::insert_into(subscription_versions::table).values(version).execute(self.db)?;
                self.has_published = true;
                Ok(next)
            }
            _ => Err(Error::new(ErrorKind::PreconditionFailed, "the subscription was changed concurrently")),
        }
    }

    /// Replaces the secrets of a subscription. Of them only the headers are part of its versions.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_signing_secrets(&mut self, subscription: &Subscription) -> Result<(), Error> {
        let secrets = &subscription.secrets;
        let (former, until) = match &secrets.former {
            Some((former, until)) => (Some(former.as_str()), Some(to_millis(*until))),
            None => (None, None),
        };
        let target = subscriptions::table.filter(subscriptions::id.eq(subscription.id.to_string()));
        let set = (
            subscriptions::secret.eq(&secrets.signing),
            subscriptions::former_secret.eq(former),
            subscriptions::former_until.eq(until),
        );
        diesel::update(target).set(set).execute(self.db)?;
        Ok(())
    }

    /// Finds a subscription of any owner, deleted or not.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_subscription(&mut self, id: Uuid) -> Result<Option<Versioned<Subscription>>, Error> {
        let row = subscriptions::table.find(id.to_string()).first::<SubscriptionRow>(self.db).optional()?;
        row.map(SubscriptionRow::into_subscription).transpose()
    }

    /// These subscriptions, deleted ones too, in no particular order. The search that found them has checked
    /// that they may appear.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_subscriptions_by_id(
        &mut self,
        ids: &[String],
    ) -> Result<Vec<Versioned<Subscription>>, Error> {
        let rows: Vec<SubscriptionRow> =
            subscriptions::table.filter(subscriptions::id.eq_any(ids)).load(self.db)?;
        rows.into_iter().map(SubscriptionRow::into_subscription).collect()
    }

    /// These versions of subscriptions, in no particular order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_subscription_versions_by_id(
        &mut self,
        wanted: &[(String, i64)],
    ) -> Result<Vec<SubscriptionVersion>, Error> {
        let ids: Vec<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
        let versions: Vec<i64> = wanted.iter().map(|(_, version)| *version).collect();
        let rows: Vec<VersionRow> = subscription_versions::table
            .filter(subscription_versions::id.eq_any(ids))
            .filter(subscription_versions::version.eq_any(versions))
            .load(self.db)?;
        let is_wanted =
            |row: &VersionRow| wanted.iter().any(|(id, version)| *id == row.id && *version == row.version);
        rows.into_iter().filter(is_wanted).map(VersionRow::into_version).collect()
    }

    /// The number of an owner's subscriptions that are neither deleted nor off: of a citizen in all apps,
    /// whether as themselves or acting; of another caller in this app.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn count_subscriptions_of(&mut self, owner: &domain::account::Caller) -> Result<i64, Error> {
        let live = subscriptions::table
            .filter(subscriptions::is_deleted.eq(false))
            .filter(subscriptions::status.ne(SubscriptionStatus::Off.as_str()));
        let Some(person) = owner.principal.user() else {
            let own = live.filter(subscriptions::owner_key.eq(owner_key(owner)));
            return Ok(own.count().get_result(self.db)?);
        };
        // Systems have subscriptions about this person as well.
        let own = live
            .filter(subscriptions::about.eq(person.as_str()))
            .filter(subscriptions::owner_key.like("citizen%").or(subscriptions::owner_key.like("proxy%")));
        Ok(own.count().get_result(self.db)?)
    }

    /// Subscriptions whose events are numbered, and that are about all people or about one of these; and the
    /// ids of unreadable ones, which must be quarantined so that they do not block others.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_listening_subscriptions(
        &mut self,
        people: &[NhsNumber],
    ) -> Result<(Vec<Subscription>, Vec<String>), Error> {
        let people: Vec<&str> = people.iter().map(NhsNumber::as_str).collect();
        let about = subscriptions::about;
        let is_about_one: Box<dyn BoxableExpression<_, <Db as Connection>::Backend, SqlType = Bool>> =
            match self.db {
                Db::Sqlite(_) => Box::new(InList::new(about, &people)),
                Db::Postgres(_) => Box::new(about.eq_any(people).assume_not_null()),
            };
        let rows: Vec<SubscriptionRow> = subscriptions::table
            .filter(about.is_null().or(is_about_one))
            .filter(subscriptions::status.ne(SubscriptionStatus::Off.as_str()))
            .filter(subscriptions::is_deleted.eq(false))
            .filter(subscriptions::is_set_aside.eq(false))
            .order(subscriptions::id)
            .load(self.db)?;
        let (mut read, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            let id = row.id.clone();
            match row.into_subscription() {
                Ok(subscription) => read.push(subscription.value),
                Err(_corrupt) => unreadable.push(id),
            }
        }
        Ok((read, unreadable))
    }

    /// The subscriptions that are past their end and not off yet.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_ended_subscriptions(&mut self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Uuid>, Error> {
        let ids: Vec<String> = subscriptions::table
            .filter(subscriptions::end_at.le(to_millis(now)))
            .filter(subscriptions::status.ne(SubscriptionStatus::Off.as_str()))
            .filter(subscriptions::is_deleted.eq(false))
            .filter(subscriptions::is_set_aside.eq(false))
            .order(subscriptions::end_at)
            .limit(limit)
            .select(subscriptions::id)
            .load(self.db)?;
        ids.iter().map(|id| Uuid::parse_str(id).map_err(Error::fault)).collect()
    }
}
