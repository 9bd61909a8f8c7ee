//! `[[oauth.providers]]`: identity providers.

use figment::value::{Dict, Value};

use crate::reader::{Reader, list};
use domain::account::registration::is_shown_well;
use domain::account::{AccessMode, Vector};
use idp::{ProviderAuthentication, ProviderKind, ProviderSettings, default_vtr};

const KEYS: [&str; 10] = [
    "id",
    "name",
    "kind",
    "mode",
    "issuer",
    "client_id",
    "client_secret_file",
    "scopes",
    "vtr",
    "exchange_audiences",
];

pub(super) fn providers(reader: &mut Reader) -> Option<Vec<ProviderSettings>> {
    let tables = reader.tables("oauth.providers")?;
    let mut providers: Vec<ProviderSettings> = Vec::new();
    for (number, table) in (1..).zip(&tables) {
        let faults = match provider(table) {
            Ok(provider) if providers.iter().any(|known| known.id == provider.id) => {
                vec!["id is another provider's".to_owned()]
            }
            Ok(provider) => {
                providers.push(provider);
                Vec::new()
            }
            Err(faults) => faults,
        };
        for fault in faults {
            reader.fault(&format!("oauth.providers, table {number}"), fault);
        }
    }
    Some(providers)
}

/// Reads one provider, with every fault in it.
fn provider(table: &Dict) -> Result<ProviderSettings, Vec<String>> {
    let mut faults: Vec<String> = Vec::new();
    let text = |key: &str| table.get(key).and_then(Value::as_str).unwrap_or_default();
    faults.extend(
        table.keys().filter(|key| !KEYS.contains(&key.as_str())).map(|key| format!("knows no {key}")),
    );
    let is_id =
        |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_id(text("id")) {
        faults.push("id must be letters, digits and hyphens: it is part of a URL".to_owned());
    }
    for key in ["name", "client_id"] {
        if text(key).is_empty() {
            faults.push(format!("{key} must not be empty"));
        }
    }
    if !text("name").is_empty() && !is_shown_well(text("name")) {
        faults.push("name holds characters that cannot be seen".to_owned());
    }
    if !text("issuer").starts_with("https://") {
        faults.push("issuer must be an https URL".to_owned());
    }
    let kind = kind(table).map_err(|fault| faults.push(fault)).ok();
    let authentication = authentication(text("client_secret_file")).map_err(|fault| faults.push(fault)).ok();
    let scopes: Vec<String> = text("scopes").split_ascii_whitespace().map(str::to_owned).collect();
    if !scopes.iter().any(|scope| scope == "openid") {
        faults.push("scopes must name openid".to_owned());
    }
    let exchange_audiences = list(table, "exchange_audiences").map_err(|fault| faults.push(fault));
    match (kind, authentication, exchange_audiences) {
        (Some(kind), Some(authentication), Ok(exchange_audiences)) if faults.is_empty() => {
            Ok(ProviderSettings {
                id: text("id").to_owned(),
                name: text("name").to_owned(),
                kind,
                issuer: text("issuer").to_owned(),
                client_id: text("client_id").to_owned(),
                authentication,
                scopes,
                exchange_audiences,
            })
        }
        _ => Err(faults),
    }
}

fn kind(table: &Dict) -> Result<ProviderKind, String> {
    let text = |key: &str| table.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("kind"), text("mode")) {
        ("nhs-login", "" | "citizen") => {
            let vectors = list(table, "vtr")?;
            let vtr = vectors.iter().map(|text| Vector::parse(text)).collect::<Result<Vec<_>, _>>();
            let vtr = vtr.map_err(|wrong| format!("vtr: {wrong}"))?;
            Ok(ProviderKind::NhsLogin { vtr: if vtr.is_empty() { default_vtr() } else { vtr } })
        }
        ("cis2", "" | "staff") => Ok(ProviderKind::Cis2 { minimum_aal: 3 }),
        ("generic", mode) => {
            let mode = AccessMode::parse(mode).filter(|mode| *mode != AccessMode::System);
            let mode = mode.ok_or("mode of a generic provider must be \"citizen\" or \"staff\"")?;
            Ok(ProviderKind::Generic { mode })
        }
        ("nhs-login" | "cis2", _) => Err("mode is not for this kind of provider".to_owned()),
        _ => Err("kind must be \"nhs-login\", \"cis2\" or \"generic\"".to_owned()),
    }
}

/// The secret is in a file of its own, so that the settings can be shown.
fn authentication(file: &str) -> Result<ProviderAuthentication, String> {
    if file.is_empty() {
        return Ok(ProviderAuthentication::PrivateKeyJwt);
    }
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("client_secret_file {file}: {error}"))?;
    Ok(ProviderAuthentication::ClientSecret(text.trim().to_owned()))
}
