//! The keys that apps publish at a URL (`jwks_uri`), so that they can change them without us.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use tokio::sync::Mutex;

use base::net::fetch::{FetchError, FetchOptions, Fetcher, Reach, is_on_loopback};
use jose::assertion::find_key;

/// How long a set is taken as it is.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// How often a URL is asked at most: an unknown `kid` is easily made up (RS-02).
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// How long a URL may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How large a set may be.
const MAX_BYTES: usize = 65_536;

/// What is known of the keys of apps, by URL. Only URLs of registrations come here.
#[derive(Debug)]
pub struct AppKeys {
    fetcher: Fetcher,
    known: std::sync::Mutex<HashMap<String, Arc<Mutex<Known>>>>,
}

/// What is known of one URL.
#[derive(Debug, Default)]
struct Known {
    /// The last good answer.
    keys: Option<Arc<JwkSet>>,
    /// When it was given.
    answered_at: DateTime<Utc>,
    /// When the URL was asked last.
    asked_at: DateTime<Utc>,
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
        Ok(Self { fetcher, known: std::sync::Mutex::default() })
    }

    /// The keys of a URL, asked for again when they are old or this key is not among them. When the URL does
    /// not answer, the last good keys stay good.
    pub(crate) async fn find(&self, url: &str, kid: &str, now: DateTime<Utc>) -> Option<Arc<JwkSet>> {
        let slot = {
            let mut slots = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(url.to_owned()).or_default())
        };
        let mut known = slot.lock().await;
        let is_old = now - known.answered_at >= FRESH;
        let has_key = known.keys.as_ref().is_some_and(|keys| find_key(keys, kid).is_some());
        if (is_old || !has_key) && now - known.asked_at >= PAUSE {
            known.asked_at = now;
            if let Some(keys) = self.fetch(url).await {
                (known.keys, known.answered_at) = (Some(Arc::new(keys)), now);
            } else {
                tracing::warn!("an app's keys cannot be had: the last good ones stay");
            }
        }
        known.keys.clone()
    }
}

impl AppKeys {
    async fn fetch(&self, url: &str) -> Option<JwkSet> {
        let answer = self.fetcher.get(url, "application/json", None).await;
        let answer = answer.ok().filter(|answer| answer.status == 200)?;
        serde_json::from_slice(&answer.body).ok()
    }
}
