//! The use cases of accounts: what is done with log-ins, grants, tokens and apps, one per file, each in the transaction that it is
//! given. They know nothing of HTTP, and sign nothing.

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
use domain::account::Ceiling;
use domain::account::{Grant, GrantType, Lapsed, RefreshToken, Registration, Scopes, Word};
use store::Tx;

/// Who asks for a token, when, and what they have proved beside.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'r> {
    /// The app, which has proved itself.
    pub app: &'r Registration,
    /// The thumbprint of the key of which it has shown a proof (RFC 9449 §5).
    pub jkt: Option<&'r str>,
    /// The APIs that the token is to be for (RFC 8707), each one of this server's; none for as many as were granted.
    pub audience: &'r [String],
    /// How long things are good.
    pub lifetimes: Lifetimes,
    /// The time.
    pub now: DateTime<Utc>,
    /// Whether what the client shows belongs to a grant: only then is a refusal of a client recorded that has not
    /// authenticated.
    pub found: &'r AtomicBool,
}

/// What a token is to be issued for.
#[derive(Clone, Debug)]
pub struct IssuedTokens {
    /// The grant.
    pub grant: Grant,
    /// What the token is for: as much as the grant, or less.
    pub scopes: Scopes,
    /// The version of the role by which somebody acts.
    pub role_version: Option<i64>,
    /// What the id token repeats.
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

/// What becomes of a request with something that may be shown once.
#[derive(Debug)]
pub enum TokenOutcome {
    /// A token is issued.
    IssuedTokens(Box<IssuedTokens>),
    /// None is, and what was shown is worth nothing any more.
    Spent(TokenError),
}

/// Why no token is issued (RFC 6749 §5.2). What is told is for the app's engineers.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The request cannot be understood.
    #[error("{0}")]
    Invalid(&'static str),
    /// The code, refresh token or subject is worth nothing.
    #[error("{0}")]
    Grant(&'static str),
    /// The grant does not hold any more. Why is for the log.
    #[error("{0}")]
    Lapsed(Lapsed),
    /// A scope that cannot be had.
    #[error("{0}")]
    Scope(&'static str),
    /// Not a patient for whom this person may act (RFC 8693 §2.2.2). Whether there is such a role is not answered; why is for
    /// the log.
    #[error("{0}")]
    Target(&'static str),
    /// An API for which there is no token here, or that was not granted (RFC 8707 §2).
    #[error("the resource is not the base URL of an API that was granted")]
    Audience,
    /// The app may not get tokens in this way.
    #[error("the app is not registered for this grant_type")]
    Unauthorized,
    /// No good proof of a key, where one is needed.
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

impl Asking<'_> {
    /// What the client shows belongs to a grant.
    fn has_found_grant(&self) {
        self.found.store(true, Ordering::Relaxed);
    }

    /// Whether the app is registered for this way to get a token, and shows a proof if its tokens are bound.
    fn check(&self, grant_type: GrantType) -> Result<(), TokenError> {
        if !self.app.grant_types.contains(&grant_type) {
            return Err(TokenError::Unauthorized);
        }
        if self.app.is_dpop_bound && self.jkt.is_none() {
            return Err(TokenError::Proof("the app's tokens are bound to a key: send a DPoP proof"));
        }
        Ok(())
    }

    /// The next refresh token of a grant, if it has any: for whoever stays away, or stays.
    fn next_refresh_token(&self, tx: &mut Tx<'_>, grant: &Grant) -> Result<Option<String>, Error> {
        let is_wanted = grant.scopes.has(Word::OfflineAccess) || grant.scopes.has(Word::OnlineAccess);
        if !is_wanted || !self.app.grant_types.contains(&GrantType::RefreshToken) {
            return Ok(None);
        }
        let token = new_secret()?;
        // A confidential app proves itself; of a public one only the key shows that it is the same (§5).
        let is_public = !self.app.authentication.is_confidential();
        let kept = RefreshToken {
            grant: grant.id,
            dpop_jkt: self.jkt.filter(|_| is_public).map(str::to_owned),
            expires_at: grant.expires_at.min(self.now + self.lifetimes.refresh_ttl),
        };
        tx.insert_refresh_token(&digest(&token), &kept)?;
        Ok(Some(token))
    }

    /// Writes down that the role is used by which the token's holder acts, if they act.
    fn use_role(&self, tx: &mut Tx<'_>, grant: &Grant) -> Result<(), Error> {
        grant.role.map_or(Ok(()), |role| tx.use_role(role, self.now))
    }

    /// When an access token for a grant ends: never later than the grant.
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

/// These scopes, if they are few enough for one token.
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

/// The grant of somebody's token, if it is good at this instant, with the version of its role.
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
pub fn scopes_of(ceiling: &Ceiling) -> Scopes {
    match ceiling {
        Ceiling::None => Scopes::default(),
        Ceiling::Scopes(scopes) => Scopes::clone(scopes),
    }
}
