//! Authentication: from the headers of a request to a [`Caller`].

use chrono::{DateTime, Utc};

use crate::authority::Authority;
use crate::authority::BadToken;
use crate::policy::AccessPolicy;
use domain::account::{Caller, Principal};
use jose::dpop::ExpectedProof;

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
pub enum AuthenticationError {
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

impl AuthenticationError {
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
/// [`AuthenticationError`].
pub fn authenticate(
    policy: &AccessPolicy,
    authority: Option<&Authority>,
    presented: &PresentedCredentials<'_>,
    now: DateTime<Utc>,
) -> Result<Caller, AuthenticationError> {
    if form_urlencoded::parse(presented.query.as_bytes()).any(|(name, _)| name == "access_token") {
        return Err(AuthenticationError::InUrl);
    }
    let credential = presented.authorization.and_then(|value| value.split_once(' '));
    let Some((scheme, token)) = credential.map(|(scheme, token)| (scheme, token.trim())) else {
        return match policy {
            AccessPolicy::Open => Ok(Caller::direct(Principal::Anyone)),
            AccessPolicy::Tokens(_) => Err(AuthenticationError::NoToken),
        };
    };
    let (is_bearer, is_dpop) = (scheme.eq_ignore_ascii_case("bearer"), scheme.eq_ignore_ascii_case("dpop"));
    if !is_bearer && !is_dpop {
        return Err(AuthenticationError::NoToken);
    }
    if let Some(principal) = policy.find_principal(token).filter(|_| is_bearer) {
        return Ok(Caller::direct(principal));
    }
    let Some(authority) = authority else {
        return match policy {
            AccessPolicy::Open => Ok(Caller::direct(Principal::Anyone)),
            AccessPolicy::Tokens(_) => Err(AuthenticationError::Unknown),
        };
    };
    let (caller, bound_to) = authority.caller_at(token, presented.url, now)?;
    match (bound_to, presented.dpop, is_dpop) {
        (None, _, false) => Ok(caller),
        (Some(bound_to), Some(proof), true) => {
            let expected =
                ExpectedProof { method: presented.method, url: presented.url, access_token: Some(token) };
            let proved = authority.check_proof(proof, &expected, &bound_to, now);
            proved.map(|()| caller).or(Err(AuthenticationError::Unproved))
        }
        // A bound token requires its key, and a proof without a bound token is refused.
        (Some(_), ..) | (None, _, true) => Err(AuthenticationError::Unproved),
    }
}
