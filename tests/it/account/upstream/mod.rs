//! Log-in at providers.

mod documents;
mod exchange;
mod refusals;
mod simulated;

use std::sync::Arc;
use std::time::Duration;

use base::clock::{Clock, StoppedClock};
use domain::account::identity::{AuthorizationResponse, Departure, Proven};
use domain::person::NumberCheck;
use idp::{
    HttpOptions, KeySource, ProviderAuthentication, ProviderKind, ProviderSettings, Providers, UpstreamError,
    default_vtr,
};
use serde_json::{Value, json};

use crate::support::provider::{Answered, ScriptedProvider, rsa_keys, sign};
use crate::support::{beginning, keys};

pub const CLIENT: &str = "our-client";
pub const CALLBACK: &str = "https://proxy.example/callback";

pub fn options() -> HttpOptions {
    HttpOptions {
        timeout: Duration::from_secs(2),
        max_bytes: 64 * 1024,
        allows_loopback: true,
        number_check: NumberCheck::Length,
    }
}

pub fn nhs_login(issuer: &str) -> ProviderSettings {
    ProviderSettings {
        id: "p".to_owned(),
        name: "A provider".to_owned(),
        kind: ProviderKind::NhsLogin { vtr: default_vtr() },
        issuer: issuer.to_owned(),
        client_id: CLIENT.to_owned(),
        authentication: ProviderAuthentication::PrivateKeyJwt,
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        exchange_audiences: vec!["a-portal".to_owned(), "another".to_owned()],
    }
}

pub fn providers(settings: ProviderSettings, clock: &Arc<StoppedClock>) -> Providers {
    let clock: Arc<dyn Clock> = clock.clone();
    let keys: KeySource = Arc::new(keys);
    Providers::new(vec![settings], &keys, options(), &clock).unwrap()
}

pub fn stopped() -> Arc<StoppedClock> {
    Arc::new(StoppedClock::at(beginning()))
}

/// A log-in at a scripted provider, which a test makes invalid.
pub struct Scene {
    pub provider: ScriptedProvider,
    pub clock: Arc<StoppedClock>,
    pub providers: Providers,
}

impl Scene {
    pub fn start() -> Self {
        let (provider, clock) = (ScriptedProvider::start(), stopped());
        let providers = providers(nhs_login(&provider.issuer), &clock);
        Self { provider, clock, providers }
    }

    pub async fn begin(&self) -> Departure {
        self.providers.begin("p", CALLBACK).await.unwrap()
    }

    /// The claims of a valid id token.
    pub fn claims(&self, nonce: &str) -> Value {
        let now = self.clock.now().timestamp();
        json!({
            "iss": self.provider.issuer, "sub": "subject", "aud": CLIENT, "nonce": nonce,
            "iat": now, "exp": now + 3600, "vot": "P9.Cp.Cd", "vtm": "https://x/trustmark",
            "identity_proofing_level": "P9", "nhs_number": "9000000017",
        })
    }

    /// The provider returns this id token for the code, and a valid userinfo.
    pub fn answer(&self, id_token: &str) {
        let tokens = json!({
            "access_token": "opaque", "token_type": "bearer", "expires_in": 300, "id_token": id_token,
        });
        self.provider.script("/token", Answered::Json(200, tokens));
        let info = json!({ "sub": "subject", "nhs_number": "9000000017" });
        self.provider.script("/userinfo", Answered::Json(200, info));
    }

    pub async fn complete(&self, departure: &Departure) -> Result<Proven, UpstreamError> {
        let answer = AuthorizationResponse { code: "the-code".to_owned(), iss: None };
        self.providers.complete("p", departure, CALLBACK, &answer).await
    }

    /// A whole log-in in which a test may change the claims.
    pub async fn log_in(&self, change: impl FnOnce(&mut Value)) -> Result<Proven, UpstreamError> {
        let departure = self.begin().await;
        let mut claims = self.claims(&departure.nonce);
        change(&mut claims);
        self.answer(&sign(&rsa_keys()[0], &claims));
        self.complete(&departure).await
    }
}
