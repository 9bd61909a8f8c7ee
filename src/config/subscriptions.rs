//! `[secrets]` and `[subscriptions]`: limits and retries of deliveries.

use std::path::PathBuf;

use chrono::TimeDelta;
use service::event::settings::Subscriptions;
use url::Url;

use crate::reader::Reader;
use crate::sections::Server;

/// The address under which clients reach the server: its public URL, else where it listens.
fn own(server: &Server) -> Option<(String, u16)> {
    let Some(url) = &server.public_url else {
        return Some((server.listen.ip().to_string(), server.listen.port()));
    };
    let url = Url::parse(url).ok()?;
    Some((url.host_str()?.trim_end_matches('.').to_ascii_lowercase(), url.port_or_known_default()?))
}

/// Reads `[subscriptions]`.
pub(crate) fn read(reader: &mut Reader, server: Option<&Server>) -> Option<Subscriptions> {
    let enabled = reader.switch("subscriptions.enabled");
    let role_created_event = reader.switch("subscriptions.role_created_event");
    let loopback = reader.switch("subscriptions.loopback");
    let most_per_owner = reader.number("subscriptions.most_per_owner", 1..=1_000_000);
    let most_per_citizen = reader.number("subscriptions.most_per_citizen", 1..=1_000_000);
    let allowed_hosts = reader.texts("subscriptions.allowed_hosts");
    let allowed_brokers = reader.texts("subscriptions.allowed_brokers");
    let most_events = reader.number("subscriptions.most_events", 1..=1000);
    let concurrency = reader.number("subscriptions.concurrency", 1..=10_000);
    let per_host = reader.number("subscriptions.concurrency_per_host", 1..=10_000);
    let circuit_failures = reader.number("subscriptions.circuit_failures", 1..=10_000);
    let retries = reader.numbers("subscriptions.retry_seconds", 1..=604_800);
    if retries.as_ref().is_some_and(Vec::is_empty) {
        reader.fault("subscriptions.retry_seconds", "must have one wait at least");
    }
    let mut seconds = |key: &str, within| reader.number(key, within).map(|n| TimeDelta::seconds(n.into()));
    let timeout = seconds("subscriptions.timeout_seconds", 1..=300);
    let most_timeout = seconds("subscriptions.most_timeout_seconds", 1..=300);
    let least_heartbeat = seconds("subscriptions.least_heartbeat_seconds", 1..=86_400);
    let most_retry_after = seconds("subscriptions.most_retry_after_seconds", 1..=86_400);
    let circuit = seconds("subscriptions.circuit_seconds", 1..=3600);
    let lease = seconds("subscriptions.lease_seconds", 1..=3600);
    let former_hours = reader.number("subscriptions.former_secret_hours", 1..=8760);
    if let (Some(lease), Some(most)) = (lease, most_timeout)
        && lease <= most
    {
        let message = "must be longer than subscriptions.most_timeout_seconds, or two processes send at once";
        reader.fault("subscriptions.lease_seconds", message);
    }
    Some(Subscriptions {
        enabled: enabled?,
        role_created_event: role_created_event?,
        most_per_owner: most_per_owner?.into(),
        most_per_citizen: most_per_citizen?.into(),
        allowed_hosts: allowed_hosts?,
        allowed_brokers: allowed_brokers?,
        loopback: loopback?,
        own: server.and_then(own),
        timeout: timeout?,
        most_timeout: most_timeout?,
        least_heartbeat: least_heartbeat?,
        most_events: most_events?.into(),
        retries: retries?.into_iter().map(|seconds| TimeDelta::seconds(seconds.into())).collect(),
        most_retry_after: most_retry_after?,
        concurrency: usize::try_from(concurrency?).ok()?,
        concurrency_per_host: usize::try_from(per_host?).ok()?,
        circuit_failures: circuit_failures?,
        circuit: circuit?,
        lease: lease?,
        former_secret: TimeDelta::hours(former_hours?.into()),
    })
}

/// `[secrets]`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct SecretsSettings {
    pub key_file: PathBuf,
}

impl SecretsSettings {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let key_file = reader.text("secrets.key_file")?;
        if key_file.is_empty() {
            reader.fault("secrets.key_file", "must be the path of a file");
            return None;
        }
        Some(Self { key_file: key_file.into() })
    }
}
