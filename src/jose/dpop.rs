//! DPoP proofs: the sender of a request holds the key that its token is bound to (RFC 9449).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::ThumbprintHash;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::SECRET_MEMBERS;
use crate::signature::{BadSignature, read_header, verify};
use base::token::digest;
use base::uri::normal_path;

/// The accepted algorithms.
pub const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::ES256, Algorithm::ES384, Algorithm::RS256, Algorithm::PS256];
/// The accepted difference between `iat` and now, either way, in seconds.
const WINDOW: i64 = 60;

/// Why a proof is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProof {
    /// Its header or signature.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// `typ` is not `dpop+jwt`.
    #[error("its typ is not dpop+jwt")]
    Type,
    /// No public key in the header, or a private one.
    #[error("its header has no public key")]
    Key,
    /// `htm` or `htu` is not this request.
    #[error("it is for another request")]
    Request,
    /// `iat` is too far from now.
    #[error("its iat is too far from the current time")]
    Time,
    /// `jti`.
    #[error("it has no jti, or one of more than 255 characters")]
    Id,
    /// `ath` is not the hash of the presented token.
    #[error("it is for another token")]
    Token,
    /// It was used before.
    #[error("it has already been used")]
    Again,
    /// Its key is not the one that the token is bound to.
    #[error("it is signed with another key")]
    OtherKey,
}

/// The request that a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedProof<'r> {
    /// The method of the request.
    pub method: &'r str,
    /// Its URL, without query and fragment.
    pub url: &'r str,
    /// The access token presented with it, at a resource server (§4.2 `ath`).
    pub access_token: Option<&'r str>,
}

/// A valid proof, to be stored so that it is accepted only once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of its key (RFC 7638).
    pub jkt: String,
    /// The digest that identifies it.
    pub digest: String,
    /// When it may be forgotten.
    pub expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Claims {
    jti: Option<String>,
    htm: Option<String>,
    htu: Option<String>,
    iat: Option<i64>,
    ath: Option<String>,
}

/// Validates a proof (§4.3). Whether it was used before is for the caller to check.
///
/// # Errors
///
/// [`BadProof`], the first fault found.
pub fn check(proof: &str, expected: &ExpectedProof<'_>, now: DateTime<Utc>) -> Result<Proof, BadProof> {
    let (header, written) = read_header(proof, &ALGORITHMS)?;
    if !header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
        return Err(BadProof::Type);
    }
    let members = written.get("jwk").and_then(serde_json::Value::as_object).ok_or(BadProof::Key)?;
    if SECRET_MEMBERS.iter().any(|member| members.contains_key(*member)) {
        return Err(BadProof::Key);
    }
    let key = header.jwk.ok_or(BadProof::Key)?;
    let claims: Claims = verify(proof, header.alg, &key)?;
    let is_for = claims.htm.as_deref() == Some(expected.method)
        && claims.htu.is_some_and(|url| normal(&url) == normal(expected.url));
    if !is_for {
        return Err(BadProof::Request);
    }
    let made = claims.iat.ok_or(BadProof::Time)?;
    if made.abs_diff(now.timestamp()) > WINDOW.unsigned_abs() {
        return Err(BadProof::Time);
    }
    if let Some(token) = expected.access_token
        && claims.ath.as_deref() != Some(hash(token).as_str())
    {
        return Err(BadProof::Token);
    }
    let jti = claims.jti.filter(|jti| (1..=255).contains(&jti.len())).ok_or(BadProof::Id)?;
    let jkt = key.thumbprint(ThumbprintHash::SHA256).or(Err(BadProof::Key))?;
    let expires_at = now + TimeDelta::seconds(2 * WINDOW);
    Ok(Proof { digest: digest(&format!("dpop\n{jkt}\n{jti}")), jkt, expires_at })
}

/// The SHA-256 of a text, in base64url: `ath` of a token (§4.2), S256 of a verifier (RFC 7636 §4.2).
pub fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// A normalized URL: without query and fragment, scheme and host in lower case, without the scheme's default
/// port, and without unnecessary percent-encoding (§4.3 point 9; RFC 3986, sections 6.2.2 and 6.2.3).
fn normal(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}{}", host.strip_suffix(own_port).unwrap_or(&host), normal_path(path, &[]))
}

#[cfg(test)]
mod tests {
    use super::{hash, normal};

    #[test]
    fn dpop_htu_is_normalized_before_comparison() {
        for same in [
            "https://Example.org:443/x?y#z",
            "HTTPS://example.org/x",
            "https://example.org/x#",
            "https://example.org/%78",
        ] {
            assert_eq!(normal(same), "https://example.org/x");
        }
        // covers FAULT-10
        for (one, other, is_same) in [
            ("https://a.org/%6Fauth/token", "https://a.org/oauth/token", true),
            ("https://a.org/oauth/%74oken", "https://a.org/%6fauth/token", true),
            ("https://a.org/a%2fb", "https://a.org/a%2Fb", true),
            ("https://a.org/a%2Fb", "https://a.org/a/b", false),
            ("https://a.org/a%252Fb", "https://a.org/a%2Fb", false),
        ] {
            assert_eq!(normal(one) == normal(other), is_same, "{one} {other}");
        }
        for other in ["https://example.org/X", "http://example.org/x", "https://example.org:8443/x", "/x"] {
            assert_ne!(normal(other), "https://example.org/x");
        }
    }

    #[test]
    fn the_challenge_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(hash(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
