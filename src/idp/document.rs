//! What a provider publishes about itself: its metadata (OpenID Connect Discovery 1.0 §3) and its keys
//! (RFC 7517), read when they are first needed and kept for a while.
//!
//! When the provider is down, the last good document goes on being used (RS-02); so a log-in fails where it
//! really needs the provider, and tokens that were issued before are read as they were.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::UpstreamError;
use crate::http::Http;

/// How long a document is taken as it is.
const FRESH: TimeDelta = TimeDelta::minutes(15);
/// How long nothing is asked again after a failure, or for a key that was not there.
const PAUSE: TimeDelta = TimeDelta::seconds(10);

/// The part of the metadata that we use. Whatever else a provider says is not read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    /// Must be the issuer of the settings, to the letter (§4.3).
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) jwks_uri: String,
    /// Whether each answer says who answers (RFC 9207 §3).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// A document that is kept.
#[derive(Debug)]
struct Kept<T> {
    document: Option<Arc<T>>,
    read_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    hurried_at: Option<DateTime<Utc>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { document: None, read_at: None, failed_at: None, hurried_at: None }
    }
}

impl<T> Kept<T> {
    /// The document, if it need not be read again now. `is_hurried` wants a newer one than there is.
    fn usable(&mut self, now: DateTime<Utc>, is_hurried: bool) -> Option<Result<Arc<T>, UpstreamError>> {
        let within = |at: Option<DateTime<Utc>>, span| at.is_some_and(|at| now < at + span);
        let is_paused = within(self.failed_at, PAUSE) || (is_hurried && within(self.hurried_at, PAUSE));
        let is_fresh = within(self.read_at, FRESH) && !is_hurried;
        if is_hurried && !is_paused {
            self.hurried_at = Some(now);
        }
        (is_fresh || is_paused).then(|| self.document.clone().ok_or(UpstreamError::Unavailable))
    }

    /// Takes what was read; after a failure the last good document, if there is one.
    fn take(&mut self, now: DateTime<Utc>, read: Result<T, UpstreamError>) -> Result<Arc<T>, UpstreamError> {
        match read {
            Ok(document) => {
                let document = Arc::new(document);
                *self = Self {
                    document: Some(Arc::clone(&document)),
                    read_at: Some(now),
                    failed_at: None,
                    hurried_at: self.hurried_at,
                };
                Ok(document)
            }
            Err(error) => {
                self.failed_at = Some(now);
                self.document.clone().ok_or(error)
            }
        }
    }
}

/// The documents of one provider. Whoever comes while one is being read waits for it: nothing is asked twice.
#[derive(Debug, Default)]
pub(super) struct Documents {
    metadata: Mutex<Kept<Metadata>>,
    keys: Mutex<Kept<CoreJsonWebKeySet>>,
}

impl Documents {
    /// The provider's metadata.
    pub(super) async fn metadata(
        &self,
        http: &Http,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metadata>, UpstreamError> {
        let mut kept = self.metadata.lock().await;
        if let Some(usable) = kept.usable(now, false) {
            return usable;
        }
        let read = read_metadata(http, issuer).await;
        kept.take(now, read).inspect_err(|error| log(issuer, *error))
    }

    /// The provider's keys. `is_hurried`: newer ones than we have, because one is missing.
    pub(super) async fn keys(
        &self,
        http: &Http,
        issuer: &str,
        now: DateTime<Utc>,
        is_hurried: bool,
    ) -> Result<Arc<CoreJsonWebKeySet>, UpstreamError> {
        let mut kept = self.keys.lock().await;
        if let Some(usable) = kept.usable(now, is_hurried) {
            return usable;
        }
        let read = match self.metadata(http, issuer, now).await {
            Ok(metadata) => http.get(&metadata.jwks_uri).await,
            Err(error) => Err(error),
        };
        kept.take(now, read).inspect_err(|error| log(issuer, *error))
    }
}

fn log(issuer: &str, error: UpstreamError) {
    tracing::warn!(%issuer, %error, "an identity provider's documents cannot be read");
}

async fn read_metadata(http: &Http, issuer: &str) -> Result<Metadata, UpstreamError> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let metadata: Metadata = http.get(&url).await?;
    if metadata.issuer != issuer {
        return Err(UpstreamError::Refused("the provider's metadata are another issuer's"));
    }
    for url in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri]
        .into_iter()
        .chain(&metadata.userinfo_endpoint)
    {
        http.check_url(url)?;
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::{FRESH, Kept, PAUSE, UpstreamError};
    use chrono::{DateTime, TimeDelta, Utc};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_document_is_read_again_when_it_is_old_and_the_last_good_one_stays() {
        let mut kept = Kept::<u8>::default();
        assert!(kept.usable(at(0), false).is_none());
        assert_eq!(*kept.take(at(0), Ok(1)).unwrap(), 1);
        let old = at(0) + FRESH;
        assert!(kept.usable(old - TimeDelta::seconds(1), false).is_some());
        assert!(kept.usable(old, false).is_none());
        assert_eq!(*kept.take(old, Err(UpstreamError::Unavailable)).unwrap(), 1);
        assert_eq!(*kept.usable(old, false).unwrap().unwrap(), 1, "it is not asked again at once");
        assert!(kept.usable(old + PAUSE, false).is_none());
    }

    #[test]
    fn a_missing_key_hurries_once_in_a_while() {
        let mut kept = Kept::<u8>::default();
        assert_eq!(*kept.take(at(0), Ok(1)).unwrap(), 1);
        assert!(kept.usable(at(1), true).is_none());
        assert_eq!(*kept.take(at(1), Ok(2)).unwrap(), 2);
        assert_eq!(*kept.usable(at(2), true).unwrap().unwrap(), 2);
        assert!(kept.usable(at(1) + PAUSE, true).is_none());
    }

    #[test]
    fn a_provider_that_never_answered_is_left_alone_for_a_while() {
        let mut kept = Kept::<u8>::default();
        assert_eq!(kept.take(at(0), Err(UpstreamError::Unavailable)), Err(UpstreamError::Unavailable));
        assert_eq!(kept.usable(at(1), false), Some(Err(UpstreamError::Unavailable)));
        assert!(kept.usable(at(0) + PAUSE, false).is_none());
    }
}
