//! The authorization code grant: a code for tokens (RFC 6749 §4.1.3).

use crate::account::revoke::end_grant;
use crate::account::{IssuedTokens, TokenError, TokenOutcome, TokenRequest, live_grant, narrow_audience};
use base::token::digest;
use domain::account::{Code, GrantType, Redeemed};
use jose::dpop;
use store::Tx;

const NONE: TokenError = TokenError::Grant("there is no such code");

/// A client's request to redeem a code.
#[derive(Clone, Debug)]
pub struct CodeRedemption {
    /// The code.
    pub code: String,
    /// The redirect URI that it was sent to.
    pub redirect_uri: String,
    /// The PKCE verifier (RFC 7636 §4.1).
    pub verifier: String,
}

/// Redeems a code. A client that sends one with any other value wrong has it from another client: the code is
/// spent. A second use by its own app ends everything that was issued for it, and what was exchanged from
/// that (§4.1.2); one by another app ends nothing.
///
/// # Errors
///
/// [`TokenError`]; then nothing has changed.
pub fn redeem_code(
    tx: &mut Tx<'_>,
    request: &TokenRequest<'_>,
    shown: &CodeRedemption,
) -> Result<TokenOutcome, TokenError> {
    request.check(GrantType::AuthorizationCode)?;
    let digest = digest(&shown.code);
    let Some(grant) = tx.find_code_grant(&digest)? else { return Err(NONE) };
    request.has_found_grant();
    let is_theirs = tx.find_grant(grant)?.is_some_and(|grant| grant.app == request.app.client_id);
    let code = match tx.redeem_code(&digest, request.now)? {
        Redeemed::Once(code) => code,
        Redeemed::Again(grant) if is_theirs => {
            end_grant(tx, &request.app.client_id, grant, request.now)?;
            return Ok(TokenOutcome::Spent(TokenError::Grant("the code has already been used")));
        }
        Redeemed::Again(_) => return Err(NONE),
        Redeemed::Never => return Ok(TokenOutcome::Spent(NONE)),
    };
    let (grant, role_version) = match live_grant(tx, code.grant, request.now) {
        Err(TokenError::Store(error)) => return Err(error.into()),
        Err(refusal) => return Ok(TokenOutcome::Spent(refusal)),
        Ok(live) => live,
    };
    if !is_theirs {
        return Ok(TokenOutcome::Spent(NONE));
    }
    if let Err(refusal) = fits(&code, shown, request.jkt) {
        return Ok(TokenOutcome::Spent(refusal));
    }
    let audience = match narrow_audience(&grant.audience, request.audience) {
        Err(refusal) => return Ok(TokenOutcome::Spent(refusal)),
        Ok(audience) => audience,
    };
    request.use_role(tx, &grant)?;
    let refresh_token = request.next_refresh_token(tx, &grant)?;
    Ok(TokenOutcome::IssuedTokens(Box::new(IssuedTokens {
        scopes: grant.scopes.clone(),
        role_version,
        nonce: code.nonce,
        jkt: request.jkt.map(str::to_owned),
        audience,
        refresh_token,
        expires_at: request.token_end(&grant),
        grant,
    })))
}

/// Checks that the request matches the code.
fn fits(code: &Code, shown: &CodeRedemption, jkt: Option<&str>) -> Result<(), TokenError> {
    if code.redirect_uri != shown.redirect_uri {
        return Err(TokenError::Grant("the redirect_uri is not the one that the code was sent to"));
    }
    let is_verifier = (43..=128).contains(&shown.verifier.len())
        && shown.verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    // S256 is the only method, so digests are compared.
    if !is_verifier || dpop::hash(&shown.verifier) != code.challenge {
        return Err(TokenError::Grant("the code_verifier is not the one of the code's challenge"));
    }
    if code.dpop_jkt.is_some() && code.dpop_jkt.as_deref() != jkt {
        return Err(TokenError::Proof("the code is bound to another key"));
    }
    Ok(())
}
