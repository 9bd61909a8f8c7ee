//! The client credentials grant: a token for the app itself (RFC 6749 §4.4, SMART App Launch 2.2 "Backend
//! Services").

use crate::account::{IssuedTokens, TokenError, TokenRequest, fit};
use base::ids;
use domain::account::scope::Scope;
use domain::account::{AccessMode, Grant, GrantType, NamedScope, ScopeContext, Scopes};
use store::Tx;

/// Grants an app the requested scopes for which it is registered. There is no refresh token: the app requests
/// a new access token.
///
/// # Errors
///
/// [`TokenError`]; then nothing has changed.
pub fn client_credentials(
    tx: &mut Tx<'_>,
    request: &TokenRequest<'_>,
    scope: Option<&str>,
) -> Result<IssuedTokens, TokenError> {
    request.check(GrantType::ClientCredentials)?;
    if request.app.mode != AccessMode::System || !request.app.authentication.is_confidential() {
        return Err(TokenError::Unauthorized);
    }
    let wrong = TokenError::Scope("a scope over resources is not written as one");
    let asked = scope.map(Scopes::parse).transpose().or(Err(wrong))?;
    let given =
        asked.map_or_else(|| request.app.scopes.clone(), |asked| request.app.scopes.narrowed_to(&asked));
    // Without a person only `system/` scopes apply (SC-07).
    let scopes = given.retaining(|scope| match scope {
        Scope::Resource(scope) => scope.context == ScopeContext::System,
        Scope::Named(word) => matches!(word, NamedScope::ValidatedRelationships | NamedScope::RegistryEvents),
    });
    if scopes.is_empty() {
        return Err(TokenError::Scope("the app is registered for none of these scopes"));
    }
    let scopes = fit(scopes)?;
    let grant = Grant {
        id: ids::new_uuid(request.now),
        app: request.app.client_id.clone(),
        mode: AccessMode::System,
        user: None,
        patient: None,
        proxy: None,
        role: None,
        scopes: scopes.clone(),
        vot: None,
        staff: None,
        organisation: None,
        fhir_user: None,
        parent: None,
        audience: request.audience.to_vec(),
        created_at: request.now,
        expires_at: request.now + request.lifetimes.access_ttl,
    };
    tx.insert_grant(&grant)?;
    Ok(IssuedTokens {
        scopes,
        role_version: None,
        nonce: None,
        jkt: request.jkt.map(str::to_owned),
        audience: grant.audience.clone(),
        refresh_token: None,
        expires_at: request.token_end(&grant),
        grant,
    })
}
