//! The start of a subscription in the stream of events.
//!
//! A subscription receives events that are committed after it, and none that was committed before, even where
//! that has no number yet. Neither times nor places in the outbox tell the two apart: a transaction that
//! began long before the subscription can commit after it. So the transaction that creates a subscription
//! records the events that it finds committed and waiting; these, and no others, are skipped. Events that
//! commit while it is being created are delivered.

use std::collections::HashSet;

use diesel::prelude::*;
use uuid::Uuid;

use crate::dialect::{in_list, on_dialect};
use crate::schema::unheard_events;
use crate::sql::Sql;
use crate::tx::Tx;
use base::error::Error;
use domain::event::Event;

impl Tx<'_> {
    /// Starts a subscription now: events that wait for their numbers at this moment are skipped for it.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn begin_hearing(&mut self, subscription: Uuid) -> Result<(), Error> {
        let id = subscription.to_string();
        let before = unheard_events::table.filter(unheard_events::subscription_id.eq(&id));
        diesel::delete(before).execute(self.db)?;
        let waiting = "INSERT INTO unheard_events (event_id, subscription_id) \
             SELECT id, ? FROM outbox WHERE position IS NOT NULL";
        let waiting = Sql::fixed(waiting).text(id);
        on_dialect!(self.db, c => waiting.execute(c))?;
        Ok(())
    }

    /// The pairs of an event and a subscription that skips it. The caller has read the subscriptions before.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_pre_subscription_events(&mut self, events: &[Event]) -> Result<HashSet<(Uuid, Uuid)>, Error> {
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        let rows: Vec<(String, String)> =
            unheard_events::table.filter(in_list!(self.db, unheard_events.event_id, ids)).load(self.db)?;
        let read = |text: &str| Uuid::parse_str(text).map_err(Error::fault);
        rows.iter().map(|(event, subscription)| Ok((read(event)?, read(subscription)?))).collect()
    }

    /// Removes the entries of events that are not waiting any more.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn delete_pre_subscription_events(&mut self) -> Result<(), Error> {
        let over = "DELETE FROM unheard_events WHERE NOT EXISTS (SELECT 1 FROM outbox \
             WHERE outbox.id = unheard_events.event_id AND outbox.position IS NOT NULL)";
        on_dialect!(self.db, c => Sql::fixed(over).execute(c))?;
        Ok(())
    }
}
