//! Events that others must hear of.

use diesel::prelude::*;
use uuid::Uuid;

use crate::audit::Subject;
use crate::date_time::to_millis;
use crate::error::Error;
use crate::event::Topic;
use crate::ids;
use crate::store::Tx;
use crate::store::schema::outbox;
use chrono::{DateTime, Utc};

impl Tx<'_> {
    /// Writes an event for everybody who must hear of it, and returns its id.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn publish(&mut self, topic: Topic, subject: &Subject, now: DateTime<Utc>) -> Result<Uuid, Error> {
        let id = ids::new_uuid(now);
        let row = (
            outbox::id.eq(id.to_string()),
            outbox::occurred_at.eq(to_millis(now)),
            outbox::topic.eq(topic.as_str()),
            outbox::subject.eq(&subject.reference),
            outbox::subject_version.eq(subject.version),
            outbox::patient.eq(subject.patient.as_str()),
            outbox::proxy.eq(subject.proxy.as_str()),
        );
        diesel::insert_into(outbox::table).values(row).execute(self.db)?;
        Ok(id)
    }

    /// The topics of the events about a subject, in the order in which they were published.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_topics(&mut self, reference: &str) -> Result<Vec<String>, Error> {
        let events = outbox::table.filter(outbox::subject.eq(reference)).order(outbox::id);
        Ok(events.select(outbox::topic).load(self.db)?)
    }
}
