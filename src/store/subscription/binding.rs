//! Tokens that bind a websocket to subscriptions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::date_time::to_millis;
use crate::error::Error;
use crate::store::Tx;
use crate::store::schema::binding_tokens;

impl Tx<'_> {
    /// Keeps a token, of which only the digest is told, and forgets those that are past their time.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn insert_binding_token(
        &mut self,
        digest: &str,
        owner_key: &str,
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
        );
        diesel::insert_into(binding_tokens::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Takes a token: whoever comes second with it finds nothing. Answers for which subscriptions it was given,
    /// and to whom.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
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
}
