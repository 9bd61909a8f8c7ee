//! What a provider publishes about itself: its metadata (OpenID Connect Discovery 1.0 §3) and its keys
//! (RFC 7517), read when they are first needed and kept for a while.
//!
//! When the provider is down, the last good document goes on being used (RS-02); so a log-in fails where it
//! really needs the provider, and tokens that were issued before are read as they were.

use std::sync::Arc;

use base::net::document::{Document, Need, NoDocument, Refresh};
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;

use crate::error::UpstreamError;
use crate::http::Http;

/// A provider is the operator's choice, and its tokens come through its own log-in: a key that is missing is looked for
/// at once.
const REFRESH: Refresh =
    Refresh { fresh: TimeDelta::minutes(15), pause: TimeDelta::seconds(10), hurries_after_read: true };

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

/// The documents of one provider.
#[derive(Debug, Default)]
pub(super) struct Documents {
    metadata: Document<Metadata>,
    keys: Document<CoreJsonWebKeySet>,
}

impl Documents {
    /// The provider's metadata.
    pub(super) async fn metadata(
        &self,
        http: &Http,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metadata>, UpstreamError> {
        let read = async || read_metadata(http, issuer).await;
        self.metadata.get(REFRESH, Need::Fresh, now, read).await.map_err(|none| unavailable(issuer, none))
    }

    /// The provider's keys.
    pub(super) async fn keys(
        &self,
        http: &Http,
        issuer: &str,
        now: DateTime<Utc>,
        need: Need,
    ) -> Result<Arc<CoreJsonWebKeySet>, UpstreamError> {
        let read = async || {
            let metadata = self.metadata(http, issuer, now).await?;
            http.get(&metadata.jwks_uri).await
        };
        self.keys.get(REFRESH, need, now, read).await.map_err(|none| unavailable(issuer, none))
    }
}

fn unavailable(issuer: &str, none: NoDocument<UpstreamError>) -> UpstreamError {
    match none {
        NoDocument::Paused => UpstreamError::Unavailable,
        NoDocument::Failed(error) => {
            tracing::warn!(%issuer, %error, "an identity provider's documents cannot be read");
            error
        }
    }
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
