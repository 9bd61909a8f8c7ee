//! Revocation of grants: an app revokes a token (RFC 7009), or a person logs out of one app or of all. Every
//! revocation goes through [`Tx::revoke_grant`].

use chrono::{DateTime, Utc};
use uuid::Uuid;

use base::error::Error;
use base::token::digest;
use domain::audit::{Access, Act, Actor};
use store::Tx;

/// A token that an app presents for revocation.
#[derive(Clone, Debug)]
pub enum TokenToRevoke {
    /// An access token, by its grant.
    Access(Uuid),
    /// Any other text: a refresh token, or no token.
    Other(String),
}

/// The result of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Its grant was revoked, with every grant exchanged from it.
    Done,
    /// It was not valid before.
    Nothing,
    /// It belongs to another app, and stays valid.
    NotTheirs,
}

/// Revokes the grant of a token of this app. When the person's own grant ends, the app's grants to act for
/// others in their name end too.
///
/// # Errors
///
/// Database errors.
pub fn revoke(
    tx: &mut Tx<'_>,
    client_id: &str,
    shown: &TokenToRevoke,
    now: DateTime<Utc>,
) -> Result<Revoked, Error> {
    let id = match shown {
        TokenToRevoke::Access(grant) => Some(*grant),
        TokenToRevoke::Other(token) => tx.find_refresh_token(&digest(token))?.map(|token| token.grant),
    };
    let grant = id.map(|id| tx.find_grant(id)).transpose()?.flatten();
    let Some(grant) = grant else { return Ok(Revoked::Nothing) };
    if grant.app != client_id {
        return Ok(Revoked::NotTheirs);
    }
    Ok(if end_grant(tx, client_id, grant.id, now)? { Revoked::Done } else { Revoked::Nothing })
}

/// Revokes a grant of an app and its children, and records that in the same transaction; returns false where
/// it was revoked before.
///
/// # Errors
///
/// Database errors.
pub(super) fn end_grant(
    tx: &mut Tx<'_>,
    client_id: &str,
    grant: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let has_ended = tx.revoke_grant(grant, now)?;
    if has_ended {
        tx.record_access(&Access::new(Act::GrantRevoked, Actor::app(client_id), now))?;
    }
    Ok(has_ended)
}

/// What a person ends by logging out of an app.
#[derive(Clone, Debug)]
pub struct AppLogOut {
    /// The user, as an id token names them.
    pub user: Uuid,
    /// The app, by its `client_id`.
    pub app: String,
    /// The grant of the log-in that they end.
    pub grant: Option<Uuid>,
    /// Whether every other grant of theirs to the app ends too.
    pub is_everywhere: bool,
}

/// Logs a person out: ends the log-in of their browser, by the digest of its cookie, and their grants to an
/// app.
///
/// # Errors
///
/// Database errors.
pub fn log_out(
    tx: &mut Tx<'_>,
    log_in: Option<&str>,
    ending: Option<&AppLogOut>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if let Some(digest) = log_in {
        tx.take_log_in(digest, now)?;
    }
    let Some(AppLogOut { user, app, grant, is_everywhere }) = ending else { return Ok(()) };
    if *is_everywhere {
        revoke_grants_of_user(tx, *user, Some(app), now)?;
    } else if let Some(grant) = *grant {
        let found = tx.find_grant(grant)?;
        if found.is_some_and(|found| found.user == Some(*user) && found.app == *app) {
            end_grant(tx, app, grant, now)?;
        }
    }
    Ok(())
}

/// Revokes a user's grants to an app, or to every app. Returns their number.
///
/// # Errors
///
/// Database errors.
pub fn revoke_grants_of_user(
    tx: &mut Tx<'_>,
    user: Uuid,
    app: Option<&str>,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let mut ended = 0;
    for (grant, client_id) in tx.list_grants_of_user(user, app)? {
        ended += usize::from(end_grant(tx, &client_id, grant, now)?);
    }
    Ok(ended)
}
