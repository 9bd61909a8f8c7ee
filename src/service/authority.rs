//! The authorization server's state: issuer, keys and registered apps; and validation of access tokens for
//! the resource server.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use jose::signature_only;
use jsonwebtoken::Header;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::verified_token_cache::VerifiedTokenCache;
use base::token::sha256;
use domain::account::claims::AccessClaims;
use domain::account::{Caller, Registration, endpoints};
use jose::dpop;
use jose::dpop::{BadProof, ExpectedProof};
use jose::key::{KeyError, KeyPurpose, KeyRing};
use jose::{Lockout, ReplayCache};

/// The settings of an [`Authority`].
pub struct AuthoritySettings {
    /// The issuer identifier: the URL of this server without a path (RFC 8414).
    pub issuer: String,
    /// The base URLs of the APIs that tokens are for.
    pub audiences: Vec<String>,
    /// The folder of the keys; `None` keeps them in memory.
    pub key_folder: Option<PathBuf>,
    /// The keys.
    pub keys: Arc<KeyRing>,
    /// The apps of the settings. Others are in the store.
    pub registrations: Vec<Registration>,
    /// The configured lifetimes.
    pub lifetimes: Lifetimes,
    /// The SHA-256 of the initial access token of dynamic registration (RFC 7591 §3); `None` where
    /// registration is off.
    pub initial_access: Option<[u8; 32]>,
}

/// Lifetimes of codes and tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Access tokens, and grants without a refresh token.
    pub access_ttl: TimeDelta,
    /// Codes (LA-03).
    pub code_ttl: TimeDelta,
    /// Each refresh token; its grant can end earlier.
    pub refresh_ttl: TimeDelta,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_ttl: TimeDelta::seconds(300),
            code_ttl: TimeDelta::seconds(60),
            refresh_ttl: TimeDelta::days(30),
        }
    }
}

/// The authorization server's state.
pub struct Authority {
    issuer: String,
    audiences: Vec<String>,
    key_folder: Option<PathBuf>,
    keys: RwLock<Arc<KeyRing>>,
    registrations: HashMap<String, Arc<Registration>>,
    lifetimes: Lifetimes,
    initial_access: Option<[u8; 32]>,
    lockout: Lockout,
    replay_cache: ReplayCache,
    verified: VerifiedTokenCache,
}

/// An access token is not valid. The reason is for the log and for `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is not a JWT, or not signed by this server.
    #[error("the token was not issued here")]
    NotOurs,
    /// It has expired or is not yet valid.
    #[error("the token has expired or is not yet valid")]
    Expired,
    /// It has another audience or type.
    #[error("the token is not an access token for this server")]
    WrongKind,
}

impl Authority {
    /// Builds it from its settings.
    pub fn new(settings: AuthoritySettings) -> Self {
        let by_id = |app: Registration| (app.client_id.clone(), Arc::new(app));
        Self {
            issuer: settings.issuer,
            audiences: settings.audiences,
            key_folder: settings.key_folder,
            keys: RwLock::new(settings.keys),
            registrations: settings.registrations.into_iter().map(by_id).collect(),
            lifetimes: settings.lifetimes,
            initial_access: settings.initial_access,
            lockout: Lockout::default(),
            replay_cache: ReplayCache::default(),
            verified: VerifiedTokenCache::default(),
        }
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The base URLs of the APIs that tokens are for.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// The APIs that these URLs name, each once, with or without a final slash; none where they name every
    /// one. `None` where one of them is not the base URL of an API of this server.
    pub fn audience<'u>(&self, urls: impl Iterator<Item = &'u str>) -> Option<Vec<String>> {
        let mut named: Vec<String> = Vec::new();
        for url in urls {
            let url = url.strip_suffix('/').unwrap_or(url);
            let ours = self.audiences.iter().find(|ours| *ours == url)?;
            if !named.contains(ours) {
                named.push(ours.clone());
            }
        }
        if named.len() == self.audiences.len() {
            named.clear();
        }
        Some(named)
    }

    /// The URL of one of our own endpoints.
    pub fn url(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.issuer)
    }

    /// The configured lifetimes.
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// The SHA-256 of the initial access token of dynamic registration.
    pub const fn initial_access(&self) -> Option<[u8; 32]> {
        self.initial_access
    }

    /// Clients locked out after failed authentications.
    pub const fn lockout(&self) -> &Lockout {
        &self.lockout
    }

    /// Validates the DPoP proof of a request with an access token (RFC 9449 §7). Each proof is accepted once
    /// by this process.
    ///
    /// # Errors
    ///
    /// [`BadProof`].
    pub fn check_proof(
        &self,
        proof: &str,
        expected: &ExpectedProof<'_>,
        bound_to: &str,
        now: DateTime<Utc>,
    ) -> Result<(), BadProof> {
        let proof = dpop::check(proof, expected, now)?;
        if proof.jkt != bound_to {
            return Err(BadProof::OtherKey);
        }
        if self.replay_cache.insert_if_unused(&proof.digest, now) { Ok(()) } else { Err(BadProof::Again) }
    }

    /// The app of the settings with this id.
    pub fn registration(&self, client_id: &str) -> Option<Arc<Registration>> {
        self.registrations.get(client_id).cloned()
    }

    /// The current keys.
    pub fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the folder of the keys again, to pick up a rotation.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; then the keys stay as they were.
    pub fn reload_keys(&self) -> Result<(), KeyError> {
        let Some(folder) = &self.key_folder else { return Ok(()) };
        let keys = Arc::new(KeyRing::load(folder)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        self.verified.forget();
        Ok(())
    }

    /// Signs claims with the newest key of a purpose. `typ` is the header's (`at+jwt` for access tokens,
    /// RFC 9068 §2.1).
    ///
    /// # Errors
    ///
    /// [`KeyError::NotMade`] where there is no such key, or signing fails.
    pub fn sign(&self, purpose: KeyPurpose, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let keys = self.keys();
        let key = keys.newest(purpose).ok_or(KeyError::NotMade)?;
        let header = Header {
            typ: Some(typ.to_owned()),
            kid: Some(key.kid.clone()),
            ..Header::new(purpose.algorithm())
        };
        jsonwebtoken::encode(&header, claims, &key.signing).or(Err(KeyError::NotMade))
    }

    /// How many valid signatures of access tokens were checked: one per token, as long as it is cached.
    pub fn signatures_checked(&self) -> u64 {
        self.verified.checked()
    }

    /// Validates an access token of ours (RS-01): type, algorithm, key, issuer, audience and time. Whether
    /// its grant still holds is checked elsewhere.
    ///
    /// # Errors
    ///
    /// [`BadToken`].
    pub fn read_access_token(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<AccessClaims>, BadToken> {
        let key = sha256(token);
        if let Some(claims) = self.verified.find(&key, now) {
            return Ok(claims);
        }
        let claims: AccessClaims = self.read_signed(token, KeyPurpose::AccessToken, "at+jwt")?;
        if claims.iss != self.issuer || !claims.aud.iter().any(|url| self.audiences.contains(url)) {
            return Err(BadToken::WrongKind);
        }
        // A token that is not yet valid is not cached either.
        if claims.exp <= now.timestamp() || claims.nbf.is_some_and(|from| from > now.timestamp()) {
            return Err(BadToken::Expired);
        }
        let claims = Arc::new(claims);
        self.verified.keep(key, &claims);
        Ok(claims)
    }

    /// As [`Authority::caller`], for a token that is presented at this URL. One that was issued for some of
    /// our APIs is not valid at the others (RFC 8707 §2.2); every one is valid at the userinfo endpoint.
    ///
    /// # Errors
    ///
    /// [`BadToken`].
    pub fn caller_at(
        &self,
        token: &str,
        url: &str,
        now: DateTime<Utc>,
    ) -> Result<(Caller, Option<String>), BadToken> {
        let claims = self.read_access_token(token, now)?;
        let is_restricted = !self.audiences.iter().all(|ours| claims.aud.contains(ours));
        let is_below = |base: &String| {
            url.strip_prefix(base.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if is_restricted && !claims.aud.iter().any(is_below) && url != self.url(endpoints::USERINFO) {
            return Err(BadToken::WrongKind);
        }
        let caller = claims.caller().ok_or(BadToken::WrongKind)?;
        Ok((caller, claims.cnf.as_ref().map(|bound| bound.jkt.clone())))
    }

    /// The caller of an access token of ours, with the thumbprint of the key that it is bound to.
    ///
    /// # Errors
    ///
    /// [`BadToken`].
    pub fn caller(&self, token: &str, now: DateTime<Utc>) -> Result<(Caller, Option<String>), BadToken> {
        let claims = self.read_access_token(token, now)?;
        let caller = claims.caller().ok_or(BadToken::WrongKind)?;
        Ok((caller, claims.cnf.as_ref().map(|bound| bound.jkt.clone())))
    }

    /// Checks type, algorithm and signature. The algorithm is the purpose's, whatever the header says; times
    /// are compared with our own clock, not the library's.
    ///
    /// # Errors
    ///
    /// [`BadToken`].
    pub fn read_signed<T: DeserializeOwned>(
        &self,
        token: &str,
        purpose: KeyPurpose,
        typ: &str,
    ) -> Result<T, BadToken> {
        let header = jsonwebtoken::decode_header(token).or(Err(BadToken::NotOurs))?;
        let is_typ = header.typ.as_deref().is_some_and(|given| {
            let given = given.strip_prefix("application/").unwrap_or(given);
            given.eq_ignore_ascii_case(typ)
        });
        if !is_typ {
            return Err(BadToken::WrongKind);
        }
        let kid = header.kid.ok_or(BadToken::NotOurs)?;
        let keys = self.keys();
        let key = keys.find(purpose, &kid).ok_or(BadToken::NotOurs)?;
        let read = jsonwebtoken::decode(token, &key.verifying, &signature_only(purpose.algorithm()));
        Ok(read.or(Err(BadToken::NotOurs))?.claims)
    }
}
