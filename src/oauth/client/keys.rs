//! The keys that apps publish at a URL (`jwks_uri`), so that they can rotate them by themselves.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use base::net::document::{Document, Need, Refresh};
use base::net::fetch::{FetchError, FetchOptions, Fetcher, Reach, is_on_loopback};
use jose::assertion::find_key;

/// An unknown `kid` costs an attacker nothing, so a URL is fetched at most once in each pause (RS-02).
const REFRESH: Refresh =
    Refresh { fresh: TimeDelta::hours(1), pause: TimeDelta::seconds(30), hurries_after_read: false };
/// The deadline of a fetch.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest key set, in bytes.
const MAX_BYTES: usize = 65_536;
/// How many URLs are cached. The least recently used are evicted, and fetched again when needed.
const MAX_URLS: u64 = 4096;

/// The cached keys of apps, by URL. Only URLs of registrations are fetched.
#[derive(Debug)]
pub struct AppKeys {
    fetcher: Fetcher,
    known: Cache<String, Arc<Document<JwkSet>>>,
}

impl AppKeys {
    /// An empty cache. URLs must be on the public internet, or on loopback where this server is on loopback.
    ///
    /// # Errors
    ///
    /// The HTTP client cannot be built.
    pub fn new(public_url: &str) -> Result<Self, FetchError> {
        let fetcher = Fetcher::new(FetchOptions {
            timeout: PATIENCE,
            max_bytes: MAX_BYTES,
            allows_loopback: is_on_loopback(public_url),
            reach: Reach::Public,
        })?;
        let known = Cache::builder().max_capacity(MAX_URLS).eviction_policy(EvictionPolicy::lru()).build();
        Ok(Self { fetcher, known })
    }

    /// The keys of a URL, fetched again when they are old or lack this key. When the URL does not respond,
    /// the last valid keys stay in use.
    pub(crate) async fn find(&self, url: &str, kid: &str, now: DateTime<Utc>) -> Option<Arc<JwkSet>> {
        let document = self.known.get_with_by_ref(url, Arc::default);
        let keys = document.get(REFRESH, Need::Fresh, now, async || self.fetch(url).await).await.ok()?;
        if find_key(&keys, kid).is_some() {
            return Some(keys);
        }
        document.get(REFRESH, Need::Newer, now, async || self.fetch(url).await).await.ok()
    }

    async fn fetch(&self, url: &str) -> Result<JwkSet, ()> {
        let answer = self.fetcher.get(url, "application/json", None).await;
        let answer = answer.ok().filter(|answer| answer.status == 200);
        answer.and_then(|answer| serde_json::from_slice(&answer.body).ok()).ok_or_else(|| {
            tracing::warn!("fetching the keys of an app failed; the last valid ones stay in use");
        })
    }
}
