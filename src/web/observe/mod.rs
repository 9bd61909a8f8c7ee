//! What an operator sees: the log, one line per request, and no personal data in it.
//!
//! A path can name a person and a query does, so neither is logged: the route's pattern is.

mod metrics;
mod request_log;

use std::panic;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use base::error::Error;
use config::{Log, LogFormat};

pub use metrics::{Metrics, Queues};
pub use request_log::{CallerKind, RoutePattern, log_requests};

/// The crates of ours, as the log names them: a library is logged from `warn` on, they from the level of the settings.
const OURS: &[&str] = &[
    "api_fhir",
    "api_registry",
    "api_vrs",
    "base",
    "cli",
    "config",
    "delivery",
    "domain",
    "fhir",
    "fhir_codec",
    "http_guard",
    "idp",
    "jose",
    "oauth",
    "onbehalf",
    "postgres_tls",
    "server",
    "service",
    "simulated_idp",
    "sqlite_deadline",
    "store",
    "web",
];

/// Starts the log, on standard error. Libraries are heard from `warn` on.
pub fn start_log(log: &Log) {
    let level = LevelFilter::from_level(log.level);
    let targets = Targets::new()
        .with_targets(OURS.iter().map(|name| (*name, level)))
        .with_default(LevelFilter::WARN)
        // It calls every malformed request an error of its own; the client is told, and that is enough.
        .with_target("actix_http", LevelFilter::OFF);
    let registry = tracing_subscriber::registry().with(targets);
    // A line that cannot be written, on a full disk, is lost; complaining of it on the same place would panic.
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let layer = layer.log_internal_errors(false);
    // A second start, in a test, keeps the first log.
    let _already_started = match log.format {
        LogFormat::Text => registry.with(layer).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    // A panic's message can quote what it choked on; its place is enough to find it.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

/// Logs a failure of ours with its causes. Display texts of the drivers name no values.
pub fn log_failure(error: &Error) {
    let cause = error.cause();
    tracing::error!(kind = ?error.kind(), cause, "{}", error.message());
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::OURS;

    #[test]
    fn every_crate_is_logged_from_the_level_of_the_settings() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let crates = entries.filter(|entry| entry.path().join("Cargo.toml").exists());
        let names = crates.map(|entry| entry.file_name().to_string_lossy().replace('-', "_"));
        let mut names: Vec<String> = names.chain(["onbehalf".to_owned()]).collect();
        names.sort();
        assert_eq!(names, OURS);
    }
}
