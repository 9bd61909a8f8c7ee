//! Token introspection (RFC 7662): the current state of a token's grant.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use base::error::Error;
use base::token::digest;
use domain::account::{Grant, RefreshToken};
use store::Tx;

/// Whether the grant behind an access token holds now: one indexed read.
///
/// # Errors
///
/// Database errors.
pub fn is_live(tx: &mut Tx<'_>, grant: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.find_grant_state(grant)?.is_some_and(|state| state.check(now).is_ok()))
}

/// The grant behind an access token, where it holds now.
///
/// # Errors
///
/// Database errors.
pub fn find_live_grant(tx: &mut Tx<'_>, grant: Uuid, now: DateTime<Utc>) -> Result<Option<Grant>, Error> {
    if is_live(tx, grant, now)? { tx.find_grant(grant) } else { Ok(None) }
}

/// A refresh token that could be used now, with its grant.
///
/// # Errors
///
/// Database errors.
pub fn find_refresh_token(
    tx: &mut Tx<'_>,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<(RefreshToken, Grant)>, Error> {
    let Some(token) = tx.find_fresh_refresh_token(&digest(token), now)? else { return Ok(None) };
    Ok(find_live_grant(tx, token.grant, now)?.map(|grant| (token, grant)))
}
