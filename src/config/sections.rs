//! The sections of the settings, except `[contract]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use figment::value::{Dict, Value};

use crate::contract::staff_reach;
use crate::reader::Reader;
use base::token::from_hex;
use domain::account::{Principal, Proofing};
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::OdsCode;
use service::policy::{AccessPolicy, BearerToken, DisclosurePolicy};
use store::{DatabaseUrl, INDEX_ACCESSES_AFTER, ReplicaOptions, STATEMENT_DEADLINE, StoreOptions};

/// `[server]`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct Server {
    pub listen: SocketAddr,
    /// Without a final slash; `None` where it follows from `listen`.
    pub public_url: Option<String>,
    /// `None` where no trusted proxy is in front.
    pub address_header: Option<String>,
    /// `None`: one for each core.
    pub workers: Option<usize>,
    pub connections: usize,
    pub shutdown: Duration,
    pub drain: Duration,
    /// `None` where this server itself speaks plain HTTP.
    pub tls: Option<TlsFiles>,
}

/// The certificate and key of the server's TLS.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Server {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let listen = reader.parsed("server.listen", |text| {
            text.parse().or(Err("must be an address and a port, such as 127.0.0.1:8080"))
        });
        let public_url = reader.parsed("server.public_url", |text| match text.trim_end_matches('/') {
            "" => Ok(None),
            url if url.starts_with("https://") || url.starts_with("http://") => Ok(Some(url.to_owned())),
            _ => Err("must begin with https:// or http://"),
        });
        let address_header = reader.parsed("server.address_header", |text| match text {
            "" => Ok(None),
            name if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
                Ok(Some(name.to_owned()))
            }
            _ => Err("must be empty or the name of a header, such as X-Forwarded-For"),
        });
        let workers = reader.number("server.workers", 0..=512);
        let connections = reader.number("server.connections", 16..=1_000_000);
        let shutdown = seconds(reader, "server.shutdown_seconds", 0..=3600);
        let drain = seconds(reader, "server.drain_seconds", 0..=3600);
        let files = ["server.tls_certificate", "server.tls_key"].map(|key| reader.text(key));
        let tls = match files {
            [Some(certificate), Some(key)] if certificate.is_empty() != key.is_empty() => {
                reader.fault("server.tls_key", "needs server.tls_certificate, and the other way round");
                None
            }
            [Some(certificate), Some(key)] if !key.is_empty() => {
                Some(TlsFiles { certificate: certificate.into(), key: key.into() })
            }
            _ => None,
        };
        Some(Self {
            listen: listen?,
            public_url: public_url?,
            address_header: address_header?,
            workers: usize::try_from(workers?).ok().filter(|workers| *workers > 0),
            connections: usize::try_from(connections?).ok()?,
            shutdown: shutdown?,
            drain: drain?,
            tls,
        })
    }
}

/// `[database]`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct Database {
    pub url: DatabaseUrl,
    pub connections: u32,
    pub wait: Duration,
    /// Whether a pooler may give each transaction another connection.
    pub has_pooler: bool,
    /// `None` where there is no replica.
    pub replica: Option<ReplicaOptions>,
}

impl Database {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let url: Option<DatabaseUrl> = reader.parsed("database.url", str::parse);
        let connections = reader.number("database.connections", 1..=1000);
        let wait = seconds(reader, "database.wait_seconds", 1..=300);
        let pooler = reader.choice("database.pooler", &[("none", false), ("transaction", true)]);
        let replica = reader.parsed("database.replica_url", |text| match text {
            "" => Ok(None),
            url => match url.parse() {
                Ok(url @ DatabaseUrl::Postgres(_)) => Ok(Some(url)),
                _ => Err("must be empty or the postgres:// URL of a replica"),
            },
        });
        let most_lag = reader.number("database.replica_most_lag_ms", 20..=60_000);
        let (url, replica) = (url?, replica?);
        if url.is_sqlite() && (replica.is_some() || pooler == Some(true)) {
            reader.fault("database.url", "is SQLite, which has neither a replica nor a pooler");
        }
        let most_lag = Duration::from_millis(most_lag?.into());
        Some(Self {
            url,
            connections: connections?,
            wait: wait?,
            has_pooler: pooler?,
            replica: replica.map(|url| ReplicaOptions { url, most_lag }),
        })
    }

    /// The options for opening this database.
    pub fn options(&self) -> StoreOptions {
        StoreOptions {
            url: self.url.clone(),
            connections: self.connections,
            wait: self.wait,
            statement_deadline: Some(STATEMENT_DEADLINE),
            has_pooler: self.has_pooler,
            index_accesses_after: INDEX_ACCESSES_AFTER,
            replica: self.replica.clone(),
        }
    }
}

/// `[access]`
#[derive(Clone, Debug)]
pub struct AccessSettings {
    /// `None` where no caller is accepted.
    pub policy: Option<AccessPolicy>,
    /// The status of a response to a request that names another patient than its token.
    pub status_for_other_patient: u16,
    /// The names of the tokens with which systems may report events about people.
    pub events_from: Vec<String>,
    /// What callers see of other people's data.
    pub disclosure: DisclosurePolicy,
}

impl AccessSettings {
    pub(crate) fn read(reader: &mut Reader, check: Option<NumberCheck>) -> Option<Self> {
        let policy = reader.choice("access.policy", &[("none", false), ("tokens", true)]);
        let tables = reader.tables("access.tokens")?;
        let check = check.unwrap_or(NumberCheck::Length);
        let mut tokens = Vec::new();
        for (number, table) in (1..).zip(&tables) {
            match token(table, check) {
                Ok(token) => tokens.push(token),
                Err(faults) => {
                    for fault in faults {
                        reader.fault(&format!("access.tokens, table {number}"), fault);
                    }
                }
            }
        }
        if policy == Some(true) && tables.is_empty() {
            reader.fault("access.tokens", "the policy \"tokens\" needs at least one");
        }
        let events_from = reader.texts("access.events_from");
        for name in events_from.iter().flatten() {
            let is_system =
                |token: &&BearerToken| token.principal == Principal::System { name: name.clone() };
            if !tokens.iter().any(|token| is_system(&token)) {
                reader.fault("access.events_from", format!("{name:?} is no token with the mode \"system\""));
            }
        }
        let status = reader.number("access.status_for_other_patient", 401..=404);
        let status = status.filter(|status| *status != 402);
        if status.is_none() {
            reader.fault("access.status_for_other_patient", "must be 401, 403 or 404");
        }
        let mask_reasons = reader.switch("access.mask_reasons");
        let staff_reach = staff_reach(reader, "access.staff_reach");
        Some(Self {
            disclosure: DisclosurePolicy { mask_reasons: mask_reasons?, staff_reach: staff_reach? },
            policy: policy?.then_some(AccessPolicy::Tokens(tokens)),
            status_for_other_patient: u16::try_from(status?).ok()?,
            events_from: events_from?,
        })
    }
}

fn token(table: &Dict, check: NumberCheck) -> Result<BearerToken, Vec<&'static str>> {
    let text = |key: &str| table.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut faults = Vec::new();
    let known = ["name", "mode", "sha256", "nhs_number", "organisation"];
    if table.keys().any(|key| !known.contains(&key.as_str())) {
        faults.push("knows only name, mode, sha256, nhs_number and organisation");
    }
    let organisation = table.get("organisation").and_then(Value::as_str).map(OdsCode::parse);
    if table.contains_key("organisation") && (text("mode") != "staff" || !matches!(organisation, Some(Ok(_))))
    {
        faults.push("organisation is the ODS code of those for whom staff work, in quotes");
    }
    let organisation = organisation.and_then(Result::ok);
    let digest = from_hex(text("sha256"));
    if digest.is_none() {
        faults.push("sha256 must be 64 hexadecimal digits");
    }
    let name = text("name").to_owned();
    if name.is_empty() {
        faults.push("name must not be empty");
    }
    let number = NhsNumber::parse(text("nhs_number"), check).ok();
    let principal = match (text("mode"), number) {
        ("system", None) if !table.contains_key("nhs_number") => Some(Principal::System { name }),
        ("staff", None) if !table.contains_key("nhs_number") => Some(Principal::Staff { name, organisation }),
        ("system" | "staff", _) => {
            faults.push("nhs_number is for a citizen only");
            None
        }
        ("citizen", Some(nhs_number)) => Some(Principal::Citizen { nhs_number, proofing: Proofing::P9 }),
        ("citizen", None) => {
            faults.push("nhs_number must be a valid NHS number, in quotes");
            None
        }
        _ => {
            faults.push("mode must be \"system\", \"staff\" or \"citizen\"");
            None
        }
    };
    match (digest, principal) {
        (Some(digest), Some(principal)) if faults.is_empty() => Ok(BearerToken { digest, principal }),
        _ => Err(faults),
    }
}

/// `[limits]`
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct Limits {
    pub body_bytes: usize,
    pub json_depth: usize,
    pub request: Duration,
    /// 0: no limit.
    pub requests_per_minute: u32,
    /// 0: no limit.
    pub log_in_requests_per_minute: u32,
}

impl Limits {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let body_bytes = reader.number("limits.body_bytes", 1024..=1_073_741_824);
        // serde_json itself stops at 128.
        let json_depth = reader.number("limits.json_depth", 8..=100);
        let request = seconds(reader, "limits.request_seconds", 1..=3600);
        let requests_per_minute = reader.number("limits.requests_per_minute", 0..=u32::MAX);
        let log_in = reader.number("limits.log_in_requests_per_minute", 0..=u32::MAX);
        Some(Self {
            body_bytes: usize::try_from(body_bytes?).ok()?,
            json_depth: usize::try_from(json_depth?).ok()?,
            request: request?,
            requests_per_minute: requests_per_minute?,
            log_in_requests_per_minute: log_in?,
        })
    }
}

/// `[log]`
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct Log {
    pub format: LogFormat,
    pub level: tracing::Level,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

impl Log {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let format = reader.choice("log.format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
        let level = reader.choice(
            "log.level",
            &[
                ("error", tracing::Level::ERROR),
                ("warn", tracing::Level::WARN),
                ("info", tracing::Level::INFO),
                ("debug", tracing::Level::DEBUG),
                ("trace", tracing::Level::TRACE),
            ],
        );
        Some(Self { format: format?, level: level? })
    }
}

/// `[health]`
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// The SHA-256 of the key of `_status`; `None` refuses every key.
    pub status_key: Option<[u8; 32]>,
    /// The SHA-256 of the token of `/metrics`; `None`: it is not served.
    pub metrics_token: Option<[u8; 32]>,
}

impl Health {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let mut digest = |key: &str| {
            reader.parsed(key, |text| match text {
                "" => Ok(None),
                digest => from_hex(digest).map(Some).ok_or("must be empty or 64 hexadecimal digits"),
            })
        };
        let status_key = digest("health.status_key_sha256");
        let metrics_token = digest("health.metrics_token_sha256");
        Some(Self { status_key: status_key?, metrics_token: metrics_token? })
    }
}

fn seconds(reader: &mut Reader, key: &str, within: std::ops::RangeInclusive<u32>) -> Option<Duration> {
    reader.number(key, within).map(|seconds| Duration::from_secs(seconds.into()))
}
