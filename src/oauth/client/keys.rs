//! The keys that apps publish at a URL (`jwks_uri`), so that they can change them without us.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use base::net::document::{Document, Need, Refresh};
use base::net::fetch::{FetchError, FetchOptions, Fetcher, Reach, is_on_loopback};
use jose::assertion::find_key;

/// An unknown `kid` is easily made up, so a URL is asked once in each pause, whatever for (RS-02).
const REFRESH: Refresh =
    Refresh { fresh: TimeDelta::hours(1), pause: TimeDelta::seconds(30), hurries_after_read: false };
/// How long a URL may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How large a set may be.
const MAX_BYTES: usize = 65_536;
/// Of how many URLs the keys are kept: those used least recently are forgotten, and asked for again.
const MAX_URLS: u64 = 4096;

/// What is known of the keys of apps, by URL. Only URLs of registrations come here.
#[derive(Debug)]
pub struct AppKeys {
    fetcher: Fetcher,
    known: Cache<String, Arc<Document<JwkSet>>>,
}

impl AppKeys {
    /// Nothing is known yet. The URLs are those of the public internet, or of this machine where we
    /// are there for trying things ourselves.
    ///
    /// # Errors
    ///
    /// Where the HTTP client cannot be made.
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

    /// The keys of a URL, asked for again when they are old or this key is not among them. When the URL does
    /// not answer, the last good keys stay good.
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
            tracing::warn!("an app's keys cannot be had: the last good ones stay");
        })
    }
}
