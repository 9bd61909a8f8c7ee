//! A refresh token becomes an access token, and the next refresh token (RFC 6749 §6).

use crate::account::command::{Asking, Issue, Outcome, TokenError, live_grant, narrow};
use crate::account::{GrantType, Redeemed, digest};
use crate::store::Tx;

const NONE: TokenError = TokenError::Grant("there is no such refresh token");

/// Redeems a refresh token. One that is shown again was stolen, from the app or by it: the family ends
/// (RFC 9700 §4.14.2).
///
/// # Errors
///
/// [`TokenError`]; then nothing has changed.
pub fn refresh(
    tx: &mut Tx<'_>,
    asking: &Asking<'_>,
    token: &str,
    scope: Option<&str>,
) -> Result<Outcome, TokenError> {
    asking.check(GrantType::RefreshToken)?;
    let digest = digest(token);
    // What is another app's is not spent by this one.
    let Some(id) = tx.find_refresh_token_grant(&digest)? else { return Err(NONE) };
    let known = tx.find_grant(id)?.filter(|grant| grant.app == asking.app.client_id);
    if known.is_none() {
        return Err(NONE);
    }
    let shown = match tx.redeem_refresh_token(&digest, asking.now)? {
        Redeemed::Once(shown) => shown,
        Redeemed::Again(grant) => {
            tx.revoke_grant(grant, asking.now)?;
            return Ok(Outcome::Spent(TokenError::Grant("the refresh token was shown before")));
        }
        Redeemed::Never => return Err(NONE),
    };
    let (grant, role_version) = live_grant(tx, shown.grant, asking.now)?;
    if shown.dpop_jkt.is_some() && shown.dpop_jkt.as_deref() != asking.jkt {
        return Ok(Outcome::Spent(TokenError::Proof("the refresh token is bound to another key")));
    }
    let scopes = narrow(&grant.scopes, scope)?;
    asking.use_role(tx, &grant)?;
    let refresh_token = asking.next_refresh_token(tx, &grant)?;
    Ok(Outcome::Issue(Box::new(Issue {
        scopes,
        role_version,
        nonce: None,
        jkt: asking.jkt.map(str::to_owned),
        refresh_token,
        expires_at: asking.token_end(&grant),
        grant,
    })))
}
