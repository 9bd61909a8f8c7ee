//! The keys that apps publish at a URL (`jwks_uri`), so that they can change them without us.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::sync::Mutex;

use crate::account::proof::assertion::find_key;

/// How long a set is taken as it is.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// How often a URL is asked at most: an unknown `kid` is easily made up (RS-02).
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// How long a URL may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How large a set may be.
const MAX_BYTES: usize = 65_536;

/// What is known of the keys of apps, by URL. Only URLs of registrations come here.
#[derive(Debug, Default)]
pub struct AppKeys(std::sync::Mutex<HashMap<String, Arc<Mutex<Known>>>>);

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
    /// The keys of a URL, asked for again when they are old or this key is not among them. When the URL does
    /// not answer, the last good keys stay good.
    pub(crate) async fn find(
        &self,
        url: &str,
        kid: &str,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Option<Arc<JwkSet>> {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(url.to_owned()).or_default())
        };
        let mut known = slot.lock().await;
        let is_old = now - known.answered_at >= FRESH;
        let has_key = known.keys.as_ref().is_some_and(|keys| find_key(keys, kid).is_some());
        if (is_old || !has_key) && now - known.asked_at >= PAUSE {
            known.asked_at = now;
            if let Some(keys) = fetch(url, issuer).await {
                (known.keys, known.answered_at) = (Some(Arc::new(keys)), now);
            } else {
                tracing::warn!("an app's keys cannot be had: the last good ones stay");
            }
        }
        known.keys.clone()
    }
}

/// Whether a URL is one to ask: https, or http on this machine where we are there for trying things ourselves.
pub(crate) fn is_allowed(url: &str, issuer: &str) -> bool {
    let parsed = |text: &str| Url::parse(text).ok();
    let is_local = |url: &Url| {
        url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
    };
    let Some(url) = parsed(url) else { return false };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_https = url.scheme() == "https" && url.has_host();
    is_plain && (is_https || is_local(&url) && parsed(issuer).as_ref().is_some_and(is_local))
}

async fn fetch(url: &str, issuer: &str) -> Option<JwkSet> {
    if !is_allowed(url, issuer) {
        return None;
    }
    let http = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build().ok()?;
    let mut response = http.get(url).header("Accept", "application/json").send().await.ok()?;
    if response.status() != 200 {
        return None;
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BYTES {
            return None;
        }
    }
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn keys_are_asked_for_over_https_or_on_this_machine() {
        let (there, here) = ("https://issuer.example", "http://127.0.0.1:8080");
        for issuer in [there, here] {
            assert!(is_allowed("https://app.example/jwks", issuer));
            for wrong in [
                "http://app.example/jwks",
                "ftp://app.example",
                "file:///etc/passwd",
                "",
                "https://",
                "https://u:p@app.example/",
                "http://127.0.0.1.example/",
            ] {
                assert!(!is_allowed(wrong, issuer), "{wrong}");
            }
        }
        assert!(is_allowed("http://localhost:3000/jwks", here) && is_allowed("http://[::1]/jwks", here));
        assert!(!is_allowed("http://localhost:3000/jwks", there));
    }
}
