//! Tokens that bind a WebSocket to subscriptions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::{binding_tokens, deliveries};
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::Error;

/// The values of an unbound subscription: nothing is due, for the consumer connects by itself.
#[derive(AsChangeset)]
#[diesel(table_name = deliveries, treat_none_as_null = true)]
struct Unbound {
    bound_to: Option<String>,
    bound_until: Option<i64>,
    due_at: Option<i64>,
}

const UNBOUND: Unbound = Unbound { bound_to: None, bound_until: None, due_at: None };

impl Tx<'_> {
    /// Stores the digest of a token, with its owner and the grant by which they asked for it, with which it
    /// is revoked; removes expired ones.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_binding_token(
        &mut self,
        digest: &str,
        (owner_key, grant): &(String, Option<Uuid>),
        subscriptions: &[Uuid],
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let past = binding_tokens::table.filter(binding_tokens::expires_at.le(to_millis(now)));
        diesel::delete(past).execute(self.db)?;
        let ids: Vec<String> = subscriptions.iter().map(Uuid::to_string).collect();
        let row = (
            binding_tokens::digest.eq(digest),
            binding_tokens::owner_key.eq(owner_key),
            binding_tokens::subscriptions.eq(ids.join(" ")),
            binding_tokens::expires_at.eq(to_millis(expires_at)),
            binding_tokens::grant_id.eq(grant.map(|grant| grant.to_string())),
        );
        diesel::insert_into(binding_tokens::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Redeems a token, once. Returns its subscriptions and their owner.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn take_binding_token(
        &mut self,
        digest: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<(String, Vec<Uuid>)>, Error> {
        let own = || binding_tokens::table.filter(binding_tokens::digest.eq(digest));
        let live = own().filter(binding_tokens::expires_at.gt(to_millis(now)));
        let found: Option<(String, String)> = live
            .select((binding_tokens::owner_key, binding_tokens::subscriptions))
            .first(self.db)
            .optional()?;
        let Some((owner_key, ids)) = found else { return Ok(None) };
        if diesel::delete(own()).execute(self.db)? != 1 {
            return Ok(None);
        }
        let ids = ids.split(' ').map(Uuid::parse_str).collect::<Result<_, _>>().map_err(Error::fault)?;
        Ok(Some((owner_key, ids)))
    }

    /// Binds the WebSocket of a subscription to this process, until then. The subscription is due at once;
    /// the handshake that follows counts as sent, so that the first heartbeat comes a whole period later.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn bind_delivery(
        &mut self,
        id: Uuid,
        process: &str,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let own = deliveries::table.filter(deliveries::subscription_id.eq(id.to_string()));
        let set = (
            deliveries::bound_to.eq(process),
            deliveries::bound_until.eq(to_millis(until)),
            deliveries::failures.eq(0),
            deliveries::sent_at.eq(to_millis(now)),
            deliveries::due_at.eq(to_millis(now)),
        );
        diesel::update(own).set(set).execute(self.db)?;
        self.has_published = true;
        Ok(())
    }

    /// Unbinds the WebSocket connections of these subscriptions from this process.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn unbind_deliveries(&mut self, ids: &[Uuid], process: &str) -> Result<(), Error> {
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let own = deliveries::table
            .filter(deliveries::subscription_id.eq_any(ids))
            .filter(deliveries::bound_to.eq(process));
        diesel::update(own).set(UNBOUND).execute(self.db)?;
        Ok(())
    }

    /// Extends the bindings of this process until then, and removes those of processes that have not extended
    /// theirs in time.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn renew_bindings(
        &mut self,
        process: &str,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let own = deliveries::table.filter(deliveries::bound_to.eq(process));
        diesel::update(own).set(deliveries::bound_until.eq(to_millis(until))).execute(self.db)?;
        let stale = deliveries::table
            .filter(deliveries::bound_to.is_not_null())
            .filter(deliveries::bound_until.le(to_millis(now)));
        diesel::update(stale).set(UNBOUND).execute(self.db)?;
        Ok(())
    }
}
