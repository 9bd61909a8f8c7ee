//! A provider's published documents: its metadata (OpenID Connect Discovery 1.0 §3) and its keys (RFC 7517),
//! read on first use and cached.
//!
//! While the provider is down, the last valid document is used (RS-02): a log-in fails only at the step that
//! needs the provider, and tokens that were issued before are still validated.

use std::sync::Arc;

use base::net::document::{Document, Need, NoDocument, Refresh};
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;

use crate::error::UpstreamError;
use crate::http::Http;

/// The operator chose the provider, and its tokens come from its own log-in: an unknown key is looked up at
/// once.
const REFRESH: Refresh =
    Refresh { fresh: TimeDelta::minutes(15), pause: TimeDelta::seconds(10), hurries_after_read: true };

/// The members of the metadata that are used. All others are ignored.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    /// Must equal the issuer of the settings exactly (§4.3).
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) jwks_uri: String,
    /// Whether authorization responses have `iss` (RFC 9207 §3).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// The cached documents of one provider.
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
            tracing::warn!(%issuer, %error, "reading the documents of an identity provider failed");
            error
        }
    }
}

async fn read_metadata(http: &Http, issuer: &str) -> Result<Metadata, UpstreamError> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let metadata: Metadata = http.get(&url).await?;
    if metadata.issuer != issuer {
        return Err(UpstreamError::Refused("the provider's metadata name another issuer"));
    }
    for url in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri]
        .into_iter()
        .chain(&metadata.userinfo_endpoint)
    {
        http.check_url(url)?;
    }
    Ok(metadata)
}
