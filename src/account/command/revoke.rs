//! An app gives a token back (RFC 7009), and with it everything that was issued for the same grant.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::account::digest;
use crate::error::Error;
use crate::store::Tx;

/// A token, as an app shows it.
#[derive(Clone, Debug)]
pub enum Shown {
    /// An access token, by its grant.
    Access(Uuid),
    /// Anything else: a refresh token, or nothing.
    Other(String),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is worth nothing now, if it ever was worth anything.
    Done,
    /// It is another app's, and stays as it was.
    NotTheirs,
}

/// Ends the grant of a token of this app. When the person's own grant ends, what the app does for others in
/// their name ends too.
///
/// # Errors
///
/// When the database refuses.
pub fn revoke(tx: &mut Tx<'_>, client_id: &str, shown: &Shown, now: DateTime<Utc>) -> Result<Revoked, Error> {
    let id = match shown {
        Shown::Access(grant) => Some(*grant),
        Shown::Other(token) => tx.find_refresh_token_grant(&digest(token))?,
    };
    let grant = id.map(|id| tx.find_grant(id)).transpose()?.flatten();
    let Some(grant) = grant else { return Ok(Revoked::Done) };
    if grant.app != client_id {
        return Ok(Revoked::NotTheirs);
    }
    tx.revoke_grant(grant.id, now)?;
    if let (Some(user), None) = (grant.user, grant.role) {
        tx.revoke_acting_grants(user, client_id, now)?;
    }
    Ok(Revoked::Done)
}
