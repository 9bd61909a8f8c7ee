//! Tokens by which the owner of subscriptions binds a WebSocket to them.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use base::clock::Clock;
use base::error::Error;
use base::token::{digest, new_secret};
use domain::account::Caller;
use domain::event::owner_key;
use store::Tx;

/// The lifetime of a token.
pub const BINDING_TTL: TimeDelta = TimeDelta::minutes(5);

/// A single-use token that binds a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingToken {
    /// The token; only its digest is stored.
    pub token: String,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// Issues a token for these subscriptions of this caller (N-15).
///
/// # Errors
///
/// Database errors.
pub fn bind(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    subscriptions: &[Uuid],
) -> Result<BindingToken, Error> {
    let now = clock.now();
    let expires_at = now + BINDING_TTL;
    let token = new_secret()?;
    let owner = (owner_key(caller), caller.grant);
    tx.insert_binding_token(&digest(&token), &owner, subscriptions, expires_at, now)?;
    Ok(BindingToken { token, expires_at })
}

/// Redeems a token: returns its subscriptions and their owner's key. It cannot be used again.
///
/// # Errors
///
/// Database errors.
pub fn take_binding(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    token: &str,
) -> Result<Option<(String, Vec<Uuid>)>, Error> {
    tx.take_binding_token(&digest(token), clock.now())
}
