//! The access policy of a running service: whom it lets in beside those with a token of its own.

use std::fmt;

use crate::account::Who;
use crate::account::code::sha256;

/// How callers without a token of ours are told apart.
#[derive(Clone, Debug)]
pub enum AccessPolicy {
    /// Everybody may do everything. Exists in the sandbox only.
    Open,
    /// Callers show a bearer token (RFC 6750) from a fixed list, which may be empty.
    Tokens(Vec<Token>),
}

/// A bearer token that is let in. Only its digest is known here.
#[derive(Clone)]
pub struct Token {
    /// The SHA-256 of the token's bytes.
    pub digest: [u8; 32],
    /// Whom it stands for.
    pub who: Who,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("who", &self.who).finish_non_exhaustive()
    }
}

impl AccessPolicy {
    /// Finds for whom a token of the list stands. The digest is compared, never the token, so the time that
    /// a comparison takes tells nothing about a token.
    pub fn find_who(&self, token: &str) -> Option<Who> {
        match self {
            Self::Open => None,
            Self::Tokens(tokens) => {
                let shown = sha256(token);
                tokens.iter().find(|known| known.digest == shown).map(|known| known.who.clone())
            }
        }
    }
}
