//! One provider, and the log-in of a user there.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet};
use openidconnect::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse as _, TokenUrl,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::claims::{NhsLoginAccessClaims, ProviderClaims, UserInfo};
use crate::composite::Composite;
use crate::document::{Documents, Metadata};
use crate::error::UpstreamError;
use crate::http::{Http, read_json};
use crate::id_token::{Claims, ExpectedIdToken, has_key, key_id, verify};
use crate::settings::{KeySource, ProviderAuthentication, ProviderKind, ProviderSettings};
use crate::{assertion, composite, proof, signed};
use base::clock::Clock;
use base::net::document::Need;
use base::token::new_secret;
use domain::account::AccessMode;
use domain::account::identity::{AuthorizationResponse, Departure, Email, Proven};
use domain::person::NumberCheck;

/// A provider.
pub struct Provider {
    /// Its name in the settings and in this server's URLs.
    pub id: String,
    /// Its name for users.
    pub name: String,
    /// The kind of user that it is for.
    pub mode: AccessMode,
    settings: ProviderSettings,
    keys: KeySource,
    http: Http,
    number_check: NumberCheck,
    clock: Arc<dyn Clock>,
    documents: Documents,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The tokens that a code was exchanged for.
struct Tokens {
    id_token: String,
    access_token: String,
}

impl Provider {
    /// The kind of the provider.
    pub const fn kind(&self) -> &ProviderKind {
        &self.settings.kind
    }

    pub(super) fn new(
        settings: ProviderSettings,
        keys: KeySource,
        http: Http,
        number_check: NumberCheck,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            id: settings.id.clone(),
            name: settings.name.clone(),
            mode: settings.kind.mode(),
            settings,
            keys,
            http,
            number_check,
            clock,
            documents: Documents::default(),
        }
    }

    /// Whether the token endpoint accepts id tokens of this issuer for exchange.
    pub(super) fn takes_tokens_of(&self, issuer: &str) -> bool {
        self.settings.issuer == issuer && !self.settings.exchange_audiences.is_empty()
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, UpstreamError> {
        self.documents.metadata(&self.http, &self.settings.issuer, self.clock.now()).await
    }

    /// Builds the authorization request (OpenID Connect Core §3.1.2.1).
    pub(super) async fn begin(&self, callback: &str) -> Result<Departure, UpstreamError> {
        let metadata = self.metadata().await?;
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let address = AuthUrl::new(metadata.authorization_endpoint.clone()).or(Err(BAD_URL))?;
        let client = self.client()?.set_auth_uri(address);
        let (sent_state, sent_nonce) = (state.clone(), nonce.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(sent_state),
                move || Nonce::new(sent_nonce),
            )
            .set_redirect_uri(Cow::Owned(callback_url(callback)?))
            .set_pkce_challenge(challenge);
        // The library adds `openid` by itself.
        for scope in self.settings.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let asked = match &self.settings.kind {
            ProviderKind::NhsLogin { vtr } => {
                let vtr: Vec<String> = vtr.iter().map(ToString::to_string).collect();
                Some(("vtr", serde_json::Value::from(vtr).to_string()))
            }
            ProviderKind::Cis2 { minimum_aal: 3.. } => Some(("acr_values", "AAL3_ANY".to_owned())),
            ProviderKind::Cis2 { .. } => Some(("acr_values", "AAL2_OR_AAL3_ANY".to_owned())),
            ProviderKind::Generic { .. } => None,
        };
        if let Some((name, value)) = asked {
            request = request.add_extra_param(name, value);
        }
        let (url, ..) = request.url();
        Ok(Departure { url: url.to_string(), state, nonce, verifier })
    }

    /// Completes a log-in: checks `iss` of the response, exchanges the code, validates the id token, reads
    /// userinfo.
    pub(super) async fn complete(
        &self,
        departure: &Departure,
        callback: &str,
        answer: &AuthorizationResponse,
    ) -> Result<Proven, UpstreamError> {
        let metadata = self.metadata().await?;
        match &answer.iss {
            Some(iss) if *iss == self.settings.issuer => {}
            None if !metadata.authorization_response_iss_parameter_supported => {}
            Some(_) | None => {
                return Err(UpstreamError::Refused("the response is from another provider (RFC 9207)"));
            }
        }
        let tokens = self.exchange(&metadata, departure, callback, answer).await?;
        let audiences = [self.settings.client_id.clone()];
        let now = self.clock.now();
        let token = self.verify(&tokens.id_token, &audiences, Some(&departure.nonce), now).await?;
        self.check_access_token(&tokens.access_token, token.subject().as_str(), now).await?;
        let info = match &metadata.userinfo_endpoint {
            Some(url) => Some(self.userinfo(url, &tokens.access_token, token.subject().as_str()).await?),
            None => None,
        };
        self.prove(&token, info.as_ref())
    }

    /// NHS login states the vector of trust in its access token too, and it must be one of those requested.
    /// Access tokens of other providers are opaque.
    async fn check_access_token(
        &self,
        token: &str,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<(), UpstreamError> {
        let ProviderKind::NhsLogin { vtr } = &self.settings.kind else { return Ok(()) };
        if !signed::is_jwt(token) {
            return Ok(());
        }
        let claims: NhsLoginAccessClaims = signed::read(token, &*self.keys_for(token, now).await?)?;
        if claims.iss != self.settings.issuer || claims.sub != subject {
            return Err(UpstreamError::Refused("the access token has another issuer or subject"));
        }
        proof::check_access_vector(vtr, claims.vot.as_deref())
    }

    /// The userinfo of the subject of the id token (§5.3): JSON, or a JWT that the provider has signed.
    async fn userinfo(&self, url: &str, token: &str, subject: &str) -> Result<ProviderClaims, UpstreamError> {
        let answer = self.http.get_as(url, "application/json, application/jwt", Some(token)).await?;
        let kind = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        let info: UserInfo = if kind.eq_ignore_ascii_case("application/jwt") {
            let unread = UpstreamError::Refused("a document of the provider cannot be read");
            let text = String::from_utf8(answer.body).or(Err(unread))?;
            let text = text.trim();
            let info: UserInfo = signed::read(text, &*self.keys_for(text, self.clock.now()).await?)?;
            let is_theirs = info.iss.as_ref().is_none_or(|issuer| *issuer == self.settings.issuer);
            let is_ours = info.aud.as_ref().is_none_or(|audience| audience.has(&self.settings.client_id));
            if !is_theirs || !is_ours {
                return Err(UpstreamError::Refused("userinfo has another issuer or audience"));
            }
            info
        } else {
            read_json(&answer.body)?
        };
        if info.sub != subject {
            return Err(UpstreamError::Refused("userinfo has another subject"));
        }
        Ok(info.claims)
    }

    pub(super) async fn verify_id_token(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Proven, UpstreamError> {
        let claims = self.verify(token, &self.settings.exchange_audiences, None, now).await?;
        if claims.additional_claims().act.is_some() {
            return Err(UpstreamError::Refused("the id token is a composite token"));
        }
        self.prove(&claims, None)
    }

    pub(super) async fn verify_composite_token(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Composite, UpstreamError> {
        let claims = self.verify(token, &self.settings.exchange_audiences, None, now).await?;
        composite::read(&claims, &self.settings.issuer, &self.settings.kind, self.number_check)
    }

    fn prove(&self, token: &Claims, info: Option<&ProviderClaims>) -> Result<Proven, UpstreamError> {
        let subject = token.subject().as_str();
        let class = token.auth_context_ref().map(|class| class.as_str());
        proof::check_class(&self.settings.kind, class)?;
        let stated = token.additional_claims();
        let kind = proof::prove(&self.settings.kind, subject, stated, info, self.number_check)?;
        let email = info.filter(|info| info.email_verified != Some(false));
        let email = email.and_then(|info| Email::parse(info.email.as_deref()?));
        Ok(Proven { issuer: self.settings.issuer.clone(), subject: subject.to_owned(), kind, email })
    }

    /// Validates an id token.
    async fn verify(
        &self,
        token: &str,
        audiences: &[String],
        nonce: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Claims, UpstreamError> {
        let keys = self.keys_for(token, now).await?;
        verify(token, &keys, &ExpectedIdToken { issuer: &self.settings.issuer, audiences, nonce, now })
    }

    /// The provider's keys, including the one that a token names: if the cached keys lack it, they are read
    /// once more (RS-02).
    async fn keys_for(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<CoreJsonWebKeySet>, UpstreamError> {
        let kid = key_id(token)?;
        let issuer = self.settings.issuer.as_str();
        let mut keys = self.documents.keys(&self.http, issuer, now, Need::Fresh).await?;
        if !has_key(&keys, kid.as_deref()) {
            keys = self.documents.keys(&self.http, issuer, now, Need::Newer).await?;
        }
        if !has_key(&keys, kid.as_deref()) {
            return Err(UpstreamError::Refused("the provider's keys do not include that of the token"));
        }
        Ok(keys)
    }

    /// Exchanges the code (RFC 6749 §4.1.3), with client authentication.
    async fn exchange(
        &self,
        metadata: &Metadata,
        departure: &Departure,
        callback: &str,
        answer: &AuthorizationResponse,
    ) -> Result<Tokens, UpstreamError> {
        let address = TokenUrl::new(metadata.token_endpoint.clone()).or(Err(BAD_URL))?;
        let client = self.client()?.set_token_uri(address);
        let mut request = client
            .exchange_code(AuthorizationCode::new(answer.code.clone()))
            .set_pkce_verifier(PkceCodeVerifier::new(departure.verifier.clone()))
            .set_redirect_uri(Cow::Owned(callback_url(callback)?));
        if let ProviderAuthentication::PrivateKeyJwt = self.settings.authentication {
            let id = &self.settings.client_id;
            let now = self.clock.now();
            let signed = assertion::sign(&(self.keys)(), id, &metadata.token_endpoint, now)?;
            request = request
                .add_extra_param("client_assertion_type", assertion::TYPE)
                .add_extra_param("client_assertion", signed);
        }
        let http = |request: HttpRequest| self.http.call(request);
        let tokens = request.request_async(&http).await.map_err(|error| match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(_) => UpstreamError::Refused("the provider rejected the code"),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                UpstreamError::Refused("the provider's token response cannot be read")
            }
        })?;
        let id_token =
            tokens.id_token().ok_or(UpstreamError::Refused("the token response has no id token"))?;
        Ok(Tokens { id_token: id_token.to_string(), access_token: tokens.access_token().secret().to_owned() })
    }

    /// The library's client. It never sees the keys: [`super::id_token`] validates with the current ones.
    fn client(&self) -> Result<CoreClient, UpstreamError> {
        let id = ClientId::new(self.settings.client_id.clone());
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).or(Err(BAD_URL))?;
        let client = CoreClient::new(id, issuer, CoreJsonWebKeySet::default());
        Ok(match &self.settings.authentication {
            ProviderAuthentication::PrivateKeyJwt => client.set_auth_type(AuthType::RequestBody),
            ProviderAuthentication::ClientSecret(secret) => {
                client.set_client_secret(ClientSecret::new(secret.clone()))
            }
        })
    }
}

const BAD_URL: UpstreamError = UpstreamError::Fault("a URL in the settings is not valid");

/// A `state`, `nonce` or PKCE verifier.
fn random() -> Result<String, UpstreamError> {
    new_secret().or(Err(UpstreamError::Fault("there is no randomness")))
}

fn callback_url(callback: &str) -> Result<RedirectUrl, UpstreamError> {
    RedirectUrl::new(callback.to_owned()).or(Err(BAD_URL))
}

/// The issuer that a token names, unverified.
pub(super) fn unverified_issuer(token: &str) -> Result<String, UpstreamError> {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    payload::<Issued>(token).map(|issued| issued.iss).ok_or(UpstreamError::Refused("the token is not a JWT"))
}

fn payload<T: DeserializeOwned>(token: &str) -> Option<T> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// The audience of a token, and its times: for the exchange of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedTo {
    /// The clients (`aud`, and `azp` where it is there).
    pub audiences: Vec<String>,
    /// When it was issued (`iat`).
    pub issued_at: DateTime<Utc>,
    /// When it ends (`exp`).
    pub expires_at: DateTime<Utc>,
}

/// Reads these claims from a token, without verifying it.
pub fn claims_of(token: &str) -> Option<IssuedTo> {
    let claims: serde_json::Value = payload(token)?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let named = claims.get("aud")?;
    let mut audiences = match named.as_array() {
        Some(all) => all.iter().map(text).collect::<Option<Vec<_>>>()?,
        None => vec![text(named)?],
    };
    audiences.extend(claims.get("azp").and_then(text));
    // Seconds, possibly with a fraction (RFC 7519 §2).
    let time = |name: &str| {
        let whole = claims.get(name)?.to_string();
        let seconds: i64 = whole.split('.').next()?.parse().ok()?;
        DateTime::from_timestamp(seconds, 0)
    };
    Some(IssuedTo { audiences, issued_at: time("iat")?, expires_at: time("exp")? })
}
