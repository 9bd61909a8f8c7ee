//! `[oauth]`: the authorization server and its apps.

use std::path::PathBuf;

use chrono::TimeDelta;
use figment::value::{Dict, Value};

use crate::provider::providers;
use crate::reader::{Reader, list};
use crate::sections::Server;
use base::token::from_hex;
use domain::account::registration::is_shown_well;
use domain::account::{
    AccessMode, ClientAuthentication, GrantType, IntrospectionSubject, Registration, Scopes,
};
use idp::ProviderSettings;
use service::authority::Lifetimes;

/// `[oauth]`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct OAuth {
    pub enabled: bool,
    pub keys: PathBuf,
    pub lifetimes: Lifetimes,
    /// `None` refuses every registration.
    pub registration_token: Option<[u8; 32]>,
    pub apps: Vec<Registration>,
    pub providers: Vec<ProviderSettings>,
}

impl OAuth {
    pub(crate) fn read(reader: &mut Reader, server: Option<&Server>) -> Option<Self> {
        let enabled = reader.switch("oauth.enabled");
        if enabled == Some(true) && server.is_some_and(|server| server.public_url.is_none()) {
            reader.fault("oauth.enabled", "needs server.public_url, which becomes the issuer");
        }
        let keys = reader.text("oauth.keys");
        let access_token = reader.number("oauth.access_token_seconds", 10..=3600);
        let refresh_token = reader.number("oauth.refresh_token_days", 1..=365);
        let code = reader.number("oauth.code_seconds", 1..=600);
        let registration_token = reader.parsed("oauth.registration_token_sha256", |text| match text {
            "" => Ok(None),
            digest => from_hex(digest).map(Some).ok_or("must be empty or 64 hexadecimal digits"),
        });
        let public_url = server.and_then(|server| server.public_url.as_deref()).unwrap_or_default();
        let apps = apps(reader, public_url);
        let providers = providers(reader);
        check_exchange(reader, apps.as_deref().unwrap_or_default(), providers.as_deref().unwrap_or_default());
        Some(Self {
            enabled: enabled?,
            keys: keys?.into(),
            lifetimes: Lifetimes {
                access_ttl: TimeDelta::seconds(access_token?.into()),
                code_ttl: TimeDelta::seconds(code?.into()),
                refresh_ttl: TimeDelta::days(refresh_token?.into()),
            },
            registration_token: registration_token?,
            apps: apps?,
            providers: providers?,
        })
    }
}

/// An id token's audience must be listed by both the provider and the app. A file from before apps had lists
/// is refused, so that no operator believes that an exchange is open, or closed, when it is not.
fn check_exchange(reader: &mut Reader, apps: &[Registration], providers: &[ProviderSettings]) {
    for provider in providers {
        let is_unlisted = |name: &&String| !apps.iter().any(|app| app.exchange_audiences.contains(name));
        for name in provider.exchange_audiences.iter().filter(is_unlisted) {
            let message = format!(
                "exchange_audiences of {} names {name}, which no app may exchange: name it in exchange_audiences of \
                 those [[oauth.apps]] that may, or remove it",
                provider.id
            );
            reader.fault("oauth.providers", message);
        }
    }
    let is_known =
        |name: &String| providers.iter().any(|provider| provider.exchange_audiences.contains(name));
    for app in apps {
        for name in app.exchange_audiences.iter().filter(|name| !is_known(name)) {
            let message = format!(
                "exchange_audiences of {} names {name}, which no [[oauth.providers]] lists in its own exchange_audiences",
                app.client_id
            );
            reader.fault("oauth.apps", message);
        }
    }
}

fn apps(reader: &mut Reader, public_url: &str) -> Option<Vec<Registration>> {
    let tables = reader.tables("oauth.apps")?;
    let mut apps: Vec<Registration> = Vec::new();
    for (number, table) in (1..).zip(&tables) {
        let faults = match app(table, public_url) {
            Ok(app) if apps.iter().any(|known| known.client_id == app.client_id) => {
                vec!["client_id is another app's".to_owned()]
            }
            Ok(app) => {
                apps.push(app);
                Vec::new()
            }
            Err(faults) => faults,
        };
        for fault in faults {
            reader.fault(&format!("oauth.apps, table {number}"), fault);
        }
    }
    Some(apps)
}

const KEYS: [&str; 15] = [
    "client_id",
    "name",
    "mode",
    "authentication",
    "secret_sha256",
    "jwks",
    "jwks_uri",
    "redirect_uris",
    "grants",
    "scopes",
    "introspection",
    "introspection_subject",
    "dpop",
    "exchange_audiences",
    "logout_uris",
];

/// Reads one app, with every fault in it.
fn app(table: &Dict, public_url: &str) -> Result<Registration, Vec<String>> {
    let mut faults: Vec<String> = Vec::new();
    let text = |key: &str| table.get(key).and_then(Value::as_str).unwrap_or_default();
    faults.extend(
        table.keys().filter(|key| !KEYS.contains(&key.as_str())).map(|key| format!("knows no {key}")),
    );
    for key in ["client_id", "name"] {
        if text(key).is_empty() {
            faults.push(format!("{key} must not be empty"));
        }
    }
    if !text("name").is_empty() && !is_shown_well(text("name")) {
        faults.push("name holds characters that cannot be seen".to_owned());
    }
    let mode = AccessMode::parse(text("mode"));
    if mode.is_none() {
        faults.push("mode must be \"citizen\", \"staff\" or \"system\"".to_owned());
    }
    let authentication = authentication(table, public_url).map_err(|fault| faults.push(fault)).ok();
    let redirect_uris = uris(table, "redirect_uris", &mut faults);
    let logout_uris = uris(table, "logout_uris", &mut faults);
    let exchange_audiences =
        list(table, "exchange_audiences").map_err(|fault| faults.push(fault)).unwrap_or_default();
    if !exchange_audiences.is_empty() && authentication.as_ref().is_some_and(|way| !way.is_confidential()) {
        faults.push(
            "exchange_audiences is for apps that authenticate: not with authentication = \"none\"".into(),
        );
    }
    let names = list(table, "grants").map_err(|fault| faults.push(fault)).unwrap_or_default();
    let grants: Option<Vec<GrantType>> = names.iter().map(|name| grant_type(name)).collect();
    if grants.as_ref().is_none_or(Vec::is_empty) {
        faults.push(
            "grants must list authorization_code, refresh_token, client_credentials or token_exchange".into(),
        );
    }
    let scopes = Scopes::parse(text("scopes")).map_err(|bad| faults.push(format!("scopes: {bad}"))).ok();
    let introspection_subject =
        introspection_subject(text("introspection_subject")).map_err(|fault| faults.push(fault)).ok();
    let switch = |key: &str| table.get(key).is_some_and(|value| value.to_bool() == Some(true));
    match (mode, authentication, grants, scopes) {
        (Some(mode), Some(authentication), Some(grant_types), Some(scopes)) if faults.is_empty() => {
            Ok(Registration {
                client_id: text("client_id").to_owned(),
                name: text("name").to_owned(),
                mode,
                authentication,
                redirect_uris,
                grant_types,
                scopes,
                may_introspect: switch("introspection"),
                introspection_subject: introspection_subject.unwrap_or_default(),
                exchange_audiences,
                logout_uris,
                is_dpop_bound: switch("dpop"),
            })
        }
        _ => Err(faults),
    }
}

fn introspection_subject(word: &str) -> Result<IntrospectionSubject, String> {
    if word.is_empty() {
        return Ok(IntrospectionSubject::default());
    }
    let subject = IntrospectionSubject::parse(word);
    subject.ok_or_else(|| "introspection_subject must be \"account\" or \"user\"".to_owned())
}

/// The redirect URIs of an app.
fn uris(table: &Dict, key: &str, faults: &mut Vec<String>) -> Vec<String> {
    let uris = list(table, key).map_err(|fault| faults.push(fault)).unwrap_or_default();
    faults.extend(uris.iter().filter(|uri| !Registration::is_redirect_uri(uri)).map(|_uri| {
        format!("{key} must be https URLs, or http on loopback, without a fragment or a wildcard")
    }));
    uris
}

fn grant_type(name: &str) -> Option<GrantType> {
    if name == "token_exchange" { Some(GrantType::TokenExchange) } else { GrantType::parse(name) }
}

fn authentication(table: &Dict, public_url: &str) -> Result<ClientAuthentication, String> {
    let text = |key: &str| table.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("authentication"), text("jwks"), text("jwks_uri")) {
        ("none", "", "") => Ok(ClientAuthentication::None),
        ("secret", "", "") => {
            let sha256 = from_hex(text("secret_sha256"));
            let sha256 = sha256.ok_or("secret_sha256 must be 64 hexadecimal digits")?;
            Ok(ClientAuthentication::Secret { sha256 })
        }
        ("private_key_jwt", jwks, "") if !jwks.is_empty() => {
            let jwks = serde_json::from_str(jwks).map_err(|_wrong| "jwks must be a JWK set (RFC 7517)")?;
            Ok(ClientAuthentication::PrivateKeyJwt { jwks })
        }
        ("private_key_jwt", "", uri) if ClientAuthentication::is_jwks_uri(uri, public_url) => {
            Ok(ClientAuthentication::PrivateKeyJwtAt { jwks_uri: uri.to_owned() })
        }
        ("private_key_jwt", ..) => Err("private_key_jwt needs jwks or an https jwks_uri".to_owned()),
        _ => {
            Err("authentication must be \"none\", \"secret\" or \"private_key_jwt\", with what belongs to it"
                .into())
        }
    }
}
