//! The outbox: events, written with their change and kept until they are numbered in every subscription.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use crate::db::Db;
use crate::dialect::on_dialect;
use crate::error::corrupt;
use crate::person::nhs_number;
use crate::schema::outbox;
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::Error;
use base::ids;
use domain::audit::Subject;
use domain::event::{Event, Topic};

/// The advisory lock of numbering on PostgreSQL: one transaction at a time. The number is our own.
const NUMBERING: i64 = 0x6f62_6576;
/// How many events one statement writes.
const BATCH: usize = 250;

const INSERT_ON_POSTGRES: &str = "INSERT INTO outbox \
    (id, occurred_at, topic, subject, subject_version, patient, proxy, position) \
    VALUES (?, ?, ?, ?, ?, ?, ?, nextval('outbox_position'))";
/// SQLite has one writer at a time, so every place is unique.
const INSERT_ON_SQLITE: &str = "INSERT INTO outbox \
    (id, occurred_at, topic, subject, subject_version, patient, proxy, position) \
    SELECT ?, ?, ?, ?, ?, ?, ?, COALESCE(MAX(position), 0) + 1 FROM outbox WHERE position IS NOT NULL";

/// With the ids as one JSON array: one text for any number of them.
const MARK_ON_POSTGRES: &str = "UPDATE outbox SET position = NULL \
    WHERE id IN (SELECT json_array_elements_text(?::json))";
const MARK_ON_SQLITE: &str = "UPDATE outbox SET position = NULL WHERE id IN (SELECT value FROM json_each(?))";

/// An event as it is stored, in the outbox or among those of a subscription.
#[derive(Queryable)]
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) occurred_at: i64,
    pub(super) topic: String,
    pub(super) subject: String,
    pub(super) subject_version: i64,
    pub(super) patient: String,
    pub(super) proxy: String,
}

impl EventRow {
    pub(super) fn into_event(self) -> Result<Event, Error> {
        Ok(Event {
            id: Uuid::parse_str(&self.id).map_err(Error::fault)?,
            topic: Topic::parse(&self.topic).ok_or_else(|| corrupt("outbox.topic"))?,
            occurred_at: from_millis(self.occurred_at),
            patient: nhs_number(&self.patient)?,
            proxy: nhs_number(&self.proxy)?,
            subject: self.subject,
            subject_version: self.subject_version,
        })
    }
}

/// An event to insert.
#[derive(Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct NewEvent {
    id: String,
    occurred_at: i64,
    topic: &'static str,
    subject: String,
    subject_version: i64,
    patient: String,
    proxy: String,
    position: Option<i64>,
}

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

impl Tx<'_> {
    /// Publishes an event and returns its id. The numbering is woken when the transaction has committed.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn publish(&mut self, topic: Topic, subject: &Subject, now: DateTime<Utc>) -> Result<Uuid, Error> {
        let id = ids::new_uuid(now);
        let insert = match self.db {
            Db::Postgres(_) => INSERT_ON_POSTGRES,
            Db::Sqlite(_) => INSERT_ON_SQLITE,
        };
        let insert = Sql::fixed(insert)
            .text(id.to_string())
            .number(to_millis(now))
            .text(topic.as_str())
            .text(&subject.reference)
            .number(subject.version)
            .text(subject.patient.as_str())
            .text(subject.proxy.as_str());
        on_dialect!(self.db, c => insert.execute(c))?;
        self.has_published = true;
        Ok(id)
    }

    /// As [`Tx::publish`], for each of these subjects, in their order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn publish_all(
        &mut self,
        topic: Topic,
        subjects: &[Subject],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let count = i64::try_from(subjects.len()).map_err(Error::fault)?;
        let positions: Vec<i64> = match self.db {
            Db::Postgres(connection) => {
                let next = "SELECT nextval('outbox_position') AS position FROM generate_series(1, $1)";
                let next: Vec<Next> = diesel::sql_query(next).bind::<BigInt, _>(count).load(connection)?;
                next.into_iter().map(|next| next.position).collect()
            }
            Db::Sqlite(connection) => {
                let last = outbox::table
                    .filter(outbox::position.is_not_null())
                    .select(diesel::dsl::max(outbox::position));
                let last: Option<i64> = last.first(connection)?;
                (last.unwrap_or_default() + 1..).take(subjects.len()).collect()
            }
        };
        let row = |(subject, position): (&Subject, i64)| NewEvent {
            id: ids::new_uuid(now).to_string(),
            occurred_at: to_millis(now),
            topic: topic.as_str(),
            subject: subject.reference.clone(),
            subject_version: subject.version,
            patient: subject.patient.to_string(),
            proxy: subject.proxy.to_string(),
            position: Some(position),
        };
        let rows: Vec<NewEvent> = subjects.iter().zip(positions).map(row).collect();
        for rows in rows.chunks(BATCH) {
            on_dialect!(self.db, c => diesel::insert_into(outbox::table).values(rows).execute(c))?;
        }
        self.has_published |= !subjects.is_empty();
        Ok(())
    }

    /// Lets one transaction at a time number events.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn lock_numbering(&mut self) -> Result<(), Error> {
        if let Db::Postgres(connection) = self.db {
            Sql::fixed("SELECT pg_advisory_xact_lock(?)").number(NUMBERING).execute(connection)?;
        }
        Ok(())
    }

    /// The first events without a number, in the order of their commits.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_waiting_events(&mut self, limit: i64) -> Result<Vec<Event>, Error> {
        let waiting = outbox::table.filter(outbox::position.is_not_null()).order(outbox::position);
        let columns = (
            outbox::id,
            outbox::occurred_at,
            outbox::topic,
            outbox::subject,
            outbox::subject_version,
            outbox::patient,
            outbox::proxy,
        );
        let rows: Vec<EventRow> = waiting.limit(limit).select(columns).load(self.db)?;
        rows.into_iter().map(EventRow::into_event).collect()
    }

    /// Marks events as numbered in every subscription.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn mark_numbered(&mut self, events: &[Event]) -> Result<(), Error> {
        let ids: Vec<String> = events.iter().map(|event| event.id.to_string()).collect();
        let ids = serde_json::to_string(&ids).map_err(Error::fault)?;
        let mark = match self.db {
            Db::Postgres(_) => MARK_ON_POSTGRES,
            Db::Sqlite(_) => MARK_ON_SQLITE,
        };
        on_dialect!(self.db, c => Sql::fixed(mark).text(ids).execute(c))?;
        Ok(())
    }

    /// The number of events that are not numbered yet, and the time of the first.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn count_waiting_events(&mut self) -> Result<(i64, Option<DateTime<Utc>>), Error> {
        let waiting = outbox::table.filter(outbox::position.is_not_null());
        let columns = (diesel::dsl::count_star(), diesel::dsl::min(outbox::occurred_at));
        let (count, first): (i64, Option<i64>) = waiting.select(columns).first(self.db)?;
        Ok((count, first.map(from_millis)))
    }

    /// The topics of the events about a subject, in the order in which they were published.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_topics(&mut self, reference: &str) -> Result<Vec<String>, Error> {
        let events = outbox::table.filter(outbox::subject.eq(reference)).order(outbox::id);
        Ok(events.select(outbox::topic).load(self.db)?)
    }
}

/// Creates the sequence for events' places, once the table exists.
pub(super) fn prepare(db: &mut Db) -> Result<(), Error> {
    if let Db::Postgres(connection) = db {
        connection.batch_execute("CREATE SEQUENCE IF NOT EXISTS outbox_position;")?;
    }
    Ok(())
}

/// Drops it, when the table is gone.
pub(super) fn clear(db: &mut Db) -> Result<(), Error> {
    if let Db::Postgres(connection) = db {
        connection.batch_execute("DROP SEQUENCE IF EXISTS outbox_position;")?;
    }
    Ok(())
}
