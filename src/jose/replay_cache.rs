//! The replay cache of DPoP proofs at the APIs: each is accepted once (RFC 9449 §11.1).
//!
//! In memory, so that a request costs no write. With several processes behind one name, a stolen proof could
//! be used once at each of them, within a minute, by an attacker who also has the token. The token endpoint
//! stores proofs in the database.
//!
//! No library's cache fits: no entry may be dropped before its time, and a full cache must refuse. Caches
//! evict instead; one with an exact end for each entry (`moka`) takes 420 bytes for a proof, and this 130,
//! with half of the CPU time.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// How long an entry is kept at least: as long as a proof can be valid.
const LIFE: TimeDelta = TimeDelta::seconds(120);
/// Half of the most entries. To fill the cache, an attacker would need a valid token for every request.
const MAX: usize = 500_000;

/// The recent entries: two generations, of which the older is dropped as a whole.
#[derive(Debug, Default)]
pub struct ReplayCache(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<String>,
    old: HashSet<String>,
    began: DateTime<Utc>,
}

impl ReplayCache {
    /// Whether this digest is new. When the cache is full, the answer is no.
    pub fn insert_if_unused(&self, digest: &str, now: DateTime<Utc>) -> bool {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now - cache.began;
        if age >= LIFE {
            let young = std::mem::take(&mut cache.young);
            cache.old = if age < LIFE * 2 { young } else { HashSet::new() };
            cache.began = now;
        }
        if cache.old.contains(digest) || cache.young.len() >= MAX {
            return false;
        }
        cache.young.insert(digest.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::ReplayCache;
    use chrono::{DateTime, TimeDelta};

    #[test]
    fn replay_cache_keeps_an_id_until_it_expires() {
        let cache = ReplayCache::default();
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |seconds| start + TimeDelta::seconds(seconds);
        assert!(cache.insert_if_unused("a", at(0)));
        assert!(cache.insert_if_unused("b", at(119)));
        assert!(!cache.insert_if_unused("a", at(119)));
        assert!(!cache.insert_if_unused("b", at(238)));
        assert!(cache.insert_if_unused("c", at(239)));
        assert!(cache.insert_if_unused("b", at(1000)));
    }
}
