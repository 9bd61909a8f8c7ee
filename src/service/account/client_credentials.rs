//! The client credentials grant: a token for the app itself (RFC 6749 §4.4, SMART App Launch 2.2 "Backend
//! Services").

use crate::account::{Asking, IssuedTokens, TokenError, fit};
use base::ids;
use domain::account::scope::Scope;
use domain::account::{Grant, GrantType, Mode, ScopeContext, Scopes, Word};
use store::Tx;

/// Grants an app the requested scopes for which it is registered. There is no refresh token: the app requests
/// a new access token.
///
/// # Errors
///
/// [`TokenError`]; then nothing has changed.
pub fn client_credentials(
    tx: &mut Tx<'_>,
    asking: &Asking<'_>,
    scope: Option<&str>,
) -> Result<IssuedTokens, TokenError> {
    asking.check(GrantType::ClientCredentials)?;
    if asking.app.mode != Mode::System || !asking.app.authentication.is_confidential() {
        return Err(TokenError::Unauthorized);
    }
    let wrong = TokenError::Scope("a scope over resources is not written as one");
    let asked = scope.map(Scopes::parse).transpose().or(Err(wrong))?;
    let given =
        asked.map_or_else(|| asking.app.scopes.clone(), |asked| asking.app.scopes.narrowed_to(&asked));
    // Without a person only `system/` scopes apply (SC-07).
    let scopes = given.retaining(|scope| match scope {
        Scope::Resource(scope) => scope.context == ScopeContext::System,
        Scope::Word(word) => matches!(word, Word::ValidatedRelationships | Word::RegistryEvents),
    });
    if scopes.is_empty() {
        return Err(TokenError::Scope("the app is registered for none of these scopes"));
    }
    let scopes = fit(scopes)?;
    let grant = Grant {
        id: ids::new_uuid(asking.now),
        app: asking.app.client_id.clone(),
        mode: Mode::System,
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
        audience: asking.audience.to_vec(),
        created_at: asking.now,
        expires_at: asking.now + asking.lifetimes.access_ttl,
    };
    tx.insert_grant(&grant)?;
    Ok(IssuedTokens {
        scopes,
        role_version: None,
        nonce: None,
        jkt: asking.jkt.map(str::to_owned),
        audience: grant.audience.clone(),
        refresh_token: None,
        expires_at: asking.token_end(&grant),
        grant,
    })
}
