//! The owner of subscriptions gets a token to bind a websocket to them.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use base::clock::Clock;
use base::error::Error;
use base::token::{digest, new_secret};
use domain::account::Caller;
use domain::event::owner_key;
use store::Tx;

/// How long a token is good.
pub const BINDING_TTL: TimeDelta = TimeDelta::minutes(5);

/// A token that binds a websocket, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The token itself; the store has its digest alone.
    pub token: String,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

/// Issues a token for these subscriptions of this caller (N-15).
///
/// # Errors
///
/// When the database refuses.
pub fn bind(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    subscriptions: &[Uuid],
) -> Result<Binding, Error> {
    let now = clock.now();
    let expires_at = now + BINDING_TTL;
    let token = new_secret()?;
    let owner = (owner_key(caller), caller.grant);
    tx.insert_binding_token(&digest(&token), &owner, subscriptions, expires_at, now)?;
    Ok(Binding { token, expires_at })
}

/// Takes a token for what it is good for: its subscriptions, and the key of their owner. It is good no more.
///
/// # Errors
///
/// When the database does not answer.
pub fn take_binding(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    token: &str,
) -> Result<Option<(String, Vec<Uuid>)>, Error> {
    tx.take_binding_token(&digest(token), clock.now())
}
