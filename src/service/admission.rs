//! Authentication: from the headers of a request to a [`Caller`].

use chrono::{DateTime, Utc};

use crate::authority::Authority;
use crate::authority::BadToken;
use crate::policy::AccessPolicy;
use domain::account::{Caller, Who};
use jose::dpop::Expected;

/// The credentials that a request presents.
#[derive(Clone, Copy, Debug)]
pub struct PresentedCredentials<'r> {
    /// The header `Authorization`.
    pub authorization: Option<&'r str>,
    /// The header `DPoP` (RFC 9449 §4.1). Several headers count as no proof.
    pub dpop: Option<&'r str>,
    /// The method of the request.
    pub method: &'r str,
    /// Its URL without query and fragment.
    pub url: &'r str,
    /// Its query, which must hold no token (RS-03).
    pub query: &'r str,
}

/// Authentication failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No token was sent.
    #[error("no token was shown")]
    NoToken,
    /// The token is not on the configured list, and no other tokens are accepted.
    #[error("the token is not known")]
    Unknown,
    /// The token is not valid.
    #[error(transparent)]
    Bad(#[from] BadToken),
    /// The token is bound to a key, and the request has no valid proof of that key (RFC 9449 §7.1).
    #[error("the token needs a proof of its key")]
    Unproved,
    /// A token in the URL, which logs and histories keep (RFC 9700 §4.3.2).
    #[error("a token does not belong in a URL")]
    InUrl,
}

impl Denied {
    /// The error code of RFC 6750 §3.1; none where no token was sent.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::NoToken => None,
            Self::Unknown | Self::Bad(_) => Some("invalid_token"),
            Self::Unproved => Some("invalid_dpop_proof"),
            Self::InUrl => Some("invalid_request"),
        }
    }
}

/// Authenticates the caller.
///
/// # Errors
///
/// [`Denied`].
pub fn admit(
    policy: &AccessPolicy,
    authority: Option<&Authority>,
    shown: &PresentedCredentials<'_>,
    now: DateTime<Utc>,
) -> Result<Caller, Denied> {
    if form_urlencoded::parse(shown.query.as_bytes()).any(|(name, _)| name == "access_token") {
        return Err(Denied::InUrl);
    }
    let credential = shown.authorization.and_then(|value| value.split_once(' '));
    let Some((scheme, token)) = credential.map(|(scheme, token)| (scheme, token.trim())) else {
        return match policy {
            AccessPolicy::Open => Ok(Caller::direct(Who::Anyone)),
            AccessPolicy::Tokens(_) => Err(Denied::NoToken),
        };
    };
    let (is_bearer, is_dpop) = (scheme.eq_ignore_ascii_case("bearer"), scheme.eq_ignore_ascii_case("dpop"));
    if !is_bearer && !is_dpop {
        return Err(Denied::NoToken);
    }
    if let Some(who) = policy.find_who(token).filter(|_| is_bearer) {
        return Ok(Caller::direct(who));
    }
    let Some(authority) = authority else {
        return match policy {
            AccessPolicy::Open => Ok(Caller::direct(Who::Anyone)),
            AccessPolicy::Tokens(_) => Err(Denied::Unknown),
        };
    };
    let (caller, bound_to) = authority.caller_at(token, shown.url, now)?;
    match (bound_to, shown.dpop, is_dpop) {
        (None, _, false) => Ok(caller),
        (Some(bound_to), Some(proof), true) => {
            let expected = Expected { method: shown.method, url: shown.url, access_token: Some(token) };
            let proved = authority.check_proof(proof, &expected, &bound_to, now);
            proved.map(|()| caller).or(Err(Denied::Unproved))
        }
        // A bound token requires its key, and a proof without a bound token is refused.
        (Some(_), ..) | (None, _, true) => Err(Denied::Unproved),
    }
}
