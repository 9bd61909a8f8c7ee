//! Cache of access tokens whose signature was verified. A signature check costs more than all else in a small
//! request, and its result never changes. Whether the grant behind a token still holds is never cached: that
//! is read from the database each time.
//!
//! Each request looks here, so the cache is one whose lookup is cheap: `quick_cache` (16 to 60 ns measured,
//! as the map under a lock that it replaces). `moka` takes 150 to 300 ns, most of it for the order and the
//! clock of its entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;

use domain::account::claims::AccessClaims;

/// The most tokens kept: some 20 MB. Filling it takes as many tokens of ours.
const MAX: usize = 16_384;

/// Claims, by the SHA-256 of the token.
#[derive(Debug)]
pub struct VerifiedTokenCache {
    tokens: Cache<[u8; 32], Arc<AccessClaims>>,
    checked: AtomicU64,
}

impl Default for VerifiedTokenCache {
    fn default() -> Self {
        Self { tokens: Cache::new(MAX), checked: AtomicU64::default() }
    }
}

impl VerifiedTokenCache {
    /// The claims of a verified token that has not expired.
    pub fn find(&self, sha256: &[u8; 32], now: DateTime<Utc>) -> Option<Arc<AccessClaims>> {
        let found = self.tokens.get(sha256)?;
        if found.exp <= now.timestamp() {
            self.tokens.remove(sha256);
            return None;
        }
        Some(found)
    }

    /// Keeps the claims of a verified token.
    pub fn keep(&self, sha256: [u8; 32], claims: &Arc<AccessClaims>) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.tokens.insert(sha256, Arc::clone(claims));
    }

    /// Empties the cache: a key that signed some of the tokens may be gone.
    pub fn forget(&self) {
        self.tokens.clear();
    }

    /// How many valid signatures were actually checked.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta};
    use serde_json::json;

    use super::{MAX, VerifiedTokenCache};

    #[test]
    fn verified_token_cache_is_bounded_and_expires() {
        let verified = VerifiedTokenCache::default();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let claims = Arc::new(
            serde_json::from_value(json!({
                "iss": "i", "aud": [], "sub": "s", "client_id": "c", "iat": 0, "exp": now.timestamp() + 300,
                "jti": "j", "scope": "", "https://fhir.onbehalf.org.uk/claims/mode": "system",
                "https://fhir.onbehalf.org.uk/claims/grant": "018f0000-0000-7000-8000-000000000000",
            }))
            .unwrap(),
        );
        let key = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            key
        };
        verified.keep(key(0), &claims);
        assert!(verified.find(&key(0), now).is_some() && verified.find(&key(1), now).is_none());
        assert!(verified.find(&key(0), now + TimeDelta::seconds(300)).is_none(), "expired");
        assert!(verified.find(&key(0), now).is_none(), "and forgotten");
        for number in 0..3 * MAX {
            verified.keep(key(number), &claims);
        }
        let kept = (0..3 * MAX).filter(|number| verified.find(&key(*number), now).is_some()).count();
        assert!((MAX / 2..=MAX).contains(&kept), "{kept}");
        assert!(verified.find(&key(3 * MAX - 1), now).is_some(), "the newest is always admitted");
        verified.forget();
        assert!(verified.find(&key(3 * MAX - 1), now).is_none());
    }
}
