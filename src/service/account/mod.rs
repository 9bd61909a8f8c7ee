//! The use cases of accounts: log-ins, grants, tokens and apps, one per file, each in the transaction that it
//! is given. They know nothing of HTTP, and sign nothing.

mod act;
mod approve;
pub mod client_credentials;
pub mod delegations;
pub mod exchange;
pub mod introspect;
mod link_identity;
mod log_in;
pub mod redeem_code;
pub mod refresh;
pub mod register_app;
pub mod revoke;

pub use act::{Patient, list_patients};
pub use approve::{ApproveError, Approved, approve, grant_ttl};
pub use link_identity::{LinkError, link_identity};
pub use log_in::{LogInError, LoggedIn, log_in};

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use crate::access::NotLive;
use crate::authority::Lifetimes;
use base::error::Error;
use base::token::{digest, new_secret};
use domain::account::GrantedScopes;
use domain::account::{Grant, GrantType, Lapsed, NamedScope, RefreshToken, Registration, Scopes};
use store::Tx;

/// A token request: the app, its proofs and the time.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'r> {
    /// The authenticated app.
    pub app: &'r Registration,
    /// The thumbprint of the key of its DPoP proof (RFC 9449 §5).
    pub jkt: Option<&'r str>,
    /// The APIs requested for the token (RFC 8707), each one of this server's; none for those of the grant.
    pub audience: &'r [String],
    /// The configured lifetimes.
    pub lifetimes: Lifetimes,
    /// The time.
    pub now: DateTime<Utc>,
    /// Whether the presented code or token belongs to a grant: only then is the refusal of an unauthenticated
    /// client recorded.
    pub found: &'r AtomicBool,
}

/// The content of the tokens to issue.
#[derive(Clone, Debug)]
pub struct IssuedTokens {
    /// The grant.
    pub grant: Grant,
    /// The token's scopes: those of the grant, or fewer.
    pub scopes: Scopes,
    /// The version of the role by which a proxy acts.
    pub role_version: Option<i64>,
    /// The `nonce` that the id token repeats.
    pub nonce: Option<String>,
    /// The key that the token is bound to.
    pub jkt: Option<String>,
    /// The APIs that the token is for; none for every API of this server.
    pub audience: Vec<String>,
    /// The next refresh token.
    pub refresh_token: Option<String>,
    /// When the access token expires.
    pub expires_at: DateTime<Utc>,
}

/// The result of a request with a single-use value.
#[derive(Debug)]
pub enum TokenOutcome {
    /// Tokens are issued.
    IssuedTokens(Box<IssuedTokens>),
    /// None are, and the value can no longer be used.
    Spent(TokenError),
}

/// Why no token is issued (RFC 6749 §5.2). The texts are for the app's developers.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The request is malformed.
    #[error("{0}")]
    Invalid(&'static str),
    /// The code, refresh token or subject token is not valid.
    #[error("{0}")]
    Grant(&'static str),
    /// The grant no longer holds. The reason is for the log.
    #[error("{0}")]
    Lapsed(Lapsed),
    /// A scope that cannot be granted.
    #[error("{0}")]
    Scope(&'static str),
    /// Not a patient whom this person may act for (RFC 8693 §2.2.2). The response does not say whether such a
    /// role exists; the reason is for the log.
    #[error("{0}")]
    Target(&'static str),
    /// An API for which this server issues no token, or that was not granted (RFC 8707 §2).
    #[error("the resource is not the base URL of an API that was granted")]
    Audience,
    /// The app may not use this grant type.
    #[error("the app is not registered for this grant_type")]
    Unauthorized,
    /// A valid proof of a key is missing where one is required.
    #[error("{0}")]
    Proof(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<NotLive> for TokenError {
    fn from(not_live: NotLive) -> Self {
        match not_live {
            NotLive::Lapsed(lapsed) => lapsed.into(),
            NotLive::Store(error) => error.into(),
        }
    }
}

impl From<Lapsed> for TokenError {
    fn from(lapsed: Lapsed) -> Self {
        Self::Lapsed(lapsed)
    }
}

impl TokenRequest<'_> {
    /// Notes that the presented value belongs to a grant.
    fn has_found_grant(&self) {
        self.found.store(true, Ordering::Relaxed);
    }

    /// Whether the app is registered for this grant type, and sends a proof if its tokens are bound.
    fn check(&self, grant_type: GrantType) -> Result<(), TokenError> {
        if !self.app.grant_types.contains(&grant_type) {
            return Err(TokenError::Unauthorized);
        }
        if self.app.is_dpop_bound && self.jkt.is_none() {
            return Err(TokenError::Proof("the app's tokens are bound to a key: send a DPoP proof"));
        }
        Ok(())
    }

    /// The next refresh token of a grant, where its scopes include offline or online access.
    fn next_refresh_token(&self, tx: &mut Tx<'_>, grant: &Grant) -> Result<Option<String>, Error> {
        let is_wanted =
            grant.scopes.has(NamedScope::OfflineAccess) || grant.scopes.has(NamedScope::OnlineAccess);
        if !is_wanted || !self.app.grant_types.contains(&GrantType::RefreshToken) {
            return Ok(None);
        }
        let token = new_secret()?;
        // A confidential app authenticates; for a public one only the key shows that it is the same (§5).
        let is_public = !self.app.authentication.is_confidential();
        let kept = RefreshToken {
            grant: grant.id,
            dpop_jkt: self.jkt.filter(|_| is_public).map(str::to_owned),
            expires_at: grant.expires_at.min(self.now + self.lifetimes.refresh_ttl),
        };
        tx.insert_refresh_token(&digest(&token), &kept)?;
        Ok(Some(token))
    }

    /// Records that the role is used by which the token's holder acts, if they act.
    fn use_role(&self, tx: &mut Tx<'_>, grant: &Grant) -> Result<(), Error> {
        grant.role.map_or(Ok(()), |role| tx.use_role(role, self.now))
    }

    /// When an access token for a grant expires: never later than the grant.
    fn token_end(&self, grant: &Grant) -> DateTime<Utc> {
        grant.expires_at.min(self.now + self.lifetimes.access_ttl)
    }
}

/// The scopes of `asked`, all of which `given` must hold.
fn narrow(given: &Scopes, asked: Option<&str>) -> Result<Scopes, TokenError> {
    let Some(asked) = asked else { return fit(given.clone()) };
    let asked =
        Scopes::parse(asked).or(Err(TokenError::Scope("a scope over resources is not written as one")))?;
    let narrowed = given.narrowed_to(&asked);
    if narrowed.is_empty() || narrowed != asked {
        return Err(TokenError::Scope("the scope is wider than what was granted"));
    }
    fit(narrowed)
}

/// These scopes, where they are few enough for one token.
fn fit(scopes: Scopes) -> Result<Scopes, TokenError> {
    if scopes.fit_a_token() { Ok(scopes) } else { Err(TokenError::Scope(TOO_MANY)) }
}

const TOO_MANY: &str = "a token has at most fifty scopes over resources: ask for fewer";

/// The APIs of `asked`, all of which must have been `granted`; each may be empty, for all.
fn narrow_audience(granted: &[String], asked: &[String]) -> Result<Vec<String>, TokenError> {
    if asked.is_empty() {
        return Ok(granted.to_vec());
    }
    let is_granted = |url: &String| granted.is_empty() || granted.contains(url);
    if asked.iter().all(is_granted) { Ok(asked.to_vec()) } else { Err(TokenError::Audience) }
}

/// The grant of a presented token, where it holds at this instant, with the version of its role.
fn live_grant(
    tx: &mut Tx<'_>,
    id: uuid::Uuid,
    now: DateTime<Utc>,
) -> Result<(Grant, Option<i64>), TokenError> {
    let state = tx.find_grant_state(id)?.ok_or(Lapsed::Ended)?;
    state.check(now)?;
    let grant = tx.find_grant(id)?.ok_or(Lapsed::Ended)?;
    Ok((grant, state.role_version()))
}

/// The scopes of a caller's token.
pub fn scopes_of(granted_scopes: &GrantedScopes) -> Scopes {
    match granted_scopes {
        GrantedScopes::None => Scopes::default(),
        GrantedScopes::Scopes(scopes) => Scopes::clone(scopes),
    }
}
