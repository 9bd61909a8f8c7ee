//! `onbehalf doctor`: looks a deployment over, and says what to mend.
//!
//! Nothing is changed: no key is made, no migration run. What is secret is not printed.

mod database;
mod keys;
mod network;
mod process;
mod report;

use crate::account::upstream::ProviderSettings;
use crate::cli::{Failure, say};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Faults, Sources};

use report::Report;

pub(super) fn doctor(sources: &Sources, as_json: bool) -> Result<(), Failure> {
    let mut report = Report::default();
    match sources.load() {
        Ok(config) => examine(&config, &mut report),
        Err(Faults(faults)) => {
            for fault in faults {
                report.wrong(
                    "settings",
                    fault,
                    "mend the setting; `onbehalf config show` prints all of them",
                );
            }
        }
    }
    say(&if as_json { report.to_json() } else { report.to_text() });
    match report.wrong_things() {
        0 => Ok(()),
        1 => Err(Failure::Other("1 thing is wrong".to_owned())),
        more => Err(Failure::Other(format!("{more} things are wrong"))),
    }
}

fn examine(config: &Config, report: &mut Report) {
    let clock: &dyn Clock = &SystemClock;
    settings(config, report);
    keys::examine(config, clock, report);
    database::examine(config, clock, report);
    process::examine(config, clock, report);
    network::examine(config, clock, report);
}

/// What the settings say is right by itself, but not together, or not for a deployment.
fn settings(config: &Config, report: &mut Report) {
    if config.access.policy.is_none() && !config.oauth.enabled {
        report.wrong(
            "settings",
            "nobody would be let in, and `serve` would not start",
            "set access.policy to \"tokens\" and list the tokens, or switch oauth.enabled on",
        );
    } else {
        report.ok("settings", "they can be read, and hold together");
    }
    let is_local = config.server.listen.ip().is_loopback();
    match config.server.public_url.as_deref() {
        None if !is_local => report.warning(
            "settings",
            "server.public_url is empty: links would name the address that is listened on",
            "set it to the URL that clients use",
        ),
        Some(url) if url.starts_with("http://") && !crate::net::fetch::is_on_loopback(url) => report.warning(
            "settings",
            "server.public_url is not https: tokens would cross the network in the clear",
            "put TLS in front or set server.tls_certificate and server.tls_key, and write https://",
        ),
        _ => {}
    }
    if !is_local && config.server.tls.is_none() && config.server.address_header.is_none() {
        report.warning(
            "settings",
            "without TLS of its own this server stands behind a proxy, whose address all callers would share",
            "set server.address_header to the header in which the proxy names the caller",
        );
    }
    if config.oauth.enabled && config.oauth.providers.is_empty() && has_people(config) {
        report.warning(
            "settings",
            "apps ask for people, but there is nowhere to log in",
            "list oauth.providers",
        );
    }
}

/// Whether an app asks for people.
fn has_people(config: &Config) -> bool {
    config.oauth.apps.iter().any(|app| app.mode != crate::account::Mode::System)
}

/// Where a provider says what it is (OpenID Connect Discovery 1.0 §4).
fn discovery_url(provider: &ProviderSettings) -> String {
    format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'))
}
