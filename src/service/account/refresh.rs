//! The refresh token grant: a refresh token for an access token and the next refresh token (RFC 6749 §6).

use crate::account::revoke::end_grant;
use crate::account::{
    IssuedTokens, TokenError, TokenOutcome, TokenRequest, live_grant, narrow, narrow_audience,
};
use base::token::digest;
use domain::account::{GrantType, Redeemed};
use store::Tx;

const NONE: TokenError = TokenError::Grant("there is no such refresh token");

/// Redeems a refresh token. A second use means that it was stolen, from the app or by it: the token family
/// ends (RFC 9700 §4.14.2). A client that could not use it, another app or one without its key, neither
/// spends it nor ends anything.
///
/// # Errors
///
/// [`TokenError`]; then nothing has changed.
pub fn refresh(
    tx: &mut Tx<'_>,
    request: &TokenRequest<'_>,
    token: &str,
    scope: Option<&str>,
) -> Result<TokenOutcome, TokenError> {
    request.check(GrantType::RefreshToken)?;
    let digest = digest(token);
    let Some(known) = tx.find_refresh_token(&digest)? else { return Err(NONE) };
    let is_theirs = tx.find_grant(known.grant)?.is_some_and(|grant| grant.app == request.app.client_id);
    if !is_theirs {
        return Err(NONE);
    }
    request.has_found_grant();
    if known.dpop_jkt.is_some() && known.dpop_jkt.as_deref() != request.jkt {
        return Err(TokenError::Proof("the refresh token is bound to another key"));
    }
    let (grant, role_version) = live_grant(tx, known.grant, request.now)?;
    match tx.redeem_refresh_token(&digest, request.now)? {
        Redeemed::Once(_) => {}
        Redeemed::Again(grant) => {
            end_grant(tx, &request.app.client_id, grant, request.now)?;
            return Ok(TokenOutcome::Spent(TokenError::Grant("the refresh token has already been used")));
        }
        Redeemed::Never => return Err(NONE),
    }
    let scopes = narrow(&grant.scopes, scope)?;
    let audience = narrow_audience(&grant.audience, request.audience)?;
    request.use_role(tx, &grant)?;
    let refresh_token = request.next_refresh_token(tx, &grant)?;
    Ok(TokenOutcome::IssuedTokens(Box::new(IssuedTokens {
        scopes,
        role_version,
        nonce: None,
        jkt: request.jkt.map(str::to_owned),
        audience,
        refresh_token,
        expires_at: request.token_end(&grant),
        grant,
    })))
}
