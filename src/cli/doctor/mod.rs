//! `onbehalf doctor`: checks the deployment and suggests fixes.
//!
//! It changes nothing: it creates no key and runs no migration. It prints no secret.

mod database;
mod keys;
mod network;
mod process;
mod report;

use std::path::Path;

use crate::verb::failure::{CommandFailure, say};
use base::clock::{Clock, SystemClock};
use config::{Config, Faults, Sources};
use domain::account::Principal;

use report::DoctorReport;
use service::policy::{AccessPolicy, StaffReach};

pub(super) fn doctor(sources: &Sources, as_json: bool) -> Result<(), CommandFailure> {
    let mut report = DoctorReport::default();
    match sources.load() {
        Ok(config) => examine(&config, sources.file.as_deref(), &mut report),
        Err(Faults(faults)) => {
            for fault in faults {
                report.wrong(
                    "settings",
                    fault,
                    "correct this setting; `onbehalf config show` prints all settings",
                );
            }
        }
    }
    say(&if as_json { report.to_json() } else { report.to_text() });
    match report.wrong_things() {
        0 => Ok(()),
        1 => Err(CommandFailure::Other("1 check failed".to_owned())),
        more => Err(CommandFailure::Other(format!("{more} checks failed"))),
    }
}

fn examine(config: &Config, file: Option<&Path>, report: &mut DoctorReport) {
    let clock: &dyn Clock = &SystemClock;
    settings(config, report);
    keys::examine(config, file, clock, report);
    database::examine(config, clock, report);
    process::examine(config, clock, report);
    network::examine(config, clock, report);
}

/// Settings that are valid each by itself, but not together, or not for a deployment.
fn settings(config: &Config, report: &mut DoctorReport) {
    if config.access.policy.is_none() && !config.oauth.enabled {
        report.wrong(
            "settings",
            "no caller could authenticate, and `serve` refuses to start",
            "set access.policy to \"tokens\" and list the tokens, or switch oauth.enabled on",
        );
    } else {
        report.ok("settings", "they are valid and consistent");
    }
    let is_local = config.server.listen.ip().is_loopback();
    match config.server.public_url.as_deref() {
        None if !is_local => report.warning(
            "settings",
            "server.public_url is empty: links contain the address in server.listen",
            "set it to the URL that clients use",
        ),
        Some(url) if url.starts_with("http://") && !base::net::fetch::is_on_loopback(url) => report.warning(
            "settings",
            "server.public_url is not https: tokens cross the network unencrypted",
            "use a reverse proxy with TLS, or set server.tls_certificate and server.tls_key, and write https://",
        ),
        _ => {}
    }
    if !is_local && config.server.tls.is_none() && config.server.address_header.is_none() {
        report.warning(
            "settings",
            "without TLS this server is behind a reverse proxy, whose address all callers would share",
            "set server.address_header to the header in which the reverse proxy sends the caller's address",
        );
    }
    if config.oauth.enabled && config.oauth.providers.is_empty() && has_people(config) {
        report.warning(
            "settings",
            "apps are registered for users, but there is no identity provider",
            "add providers to oauth.providers",
        );
    }
    callers(config, report);
}

/// Callers that can authenticate, and see no data.
fn callers(config: &Config, report: &mut DoctorReport) {
    let without = staff_without_organisation(config);
    if without > 0 {
        report.warning(
            "settings",
            format!("access.tokens has {without} of staff without an organisation; they can see no patient"),
            "set organisation to the ODS code of their employer, or access.staff_reach to \"everyone\"",
        );
    }
}

/// How many tokens of the settings are of staff without an organisation: they see no role where staff see
/// only the patients of their practice.
fn staff_without_organisation(config: &Config) -> usize {
    let reaches_practice = config.access.disclosure.staff_reach == StaffReach::Practice
        || config.contract.staff_reach == StaffReach::Practice;
    let Some(AccessPolicy::Tokens(tokens)) = config.access.policy.as_ref().filter(|_| reaches_practice)
    else {
        return 0;
    };
    tokens
        .iter()
        .filter(|token| matches!(token.principal, Principal::Staff { organisation: None, .. }))
        .count()
}

/// Whether an app is registered for users.
fn has_people(config: &Config) -> bool {
    config.oauth.apps.iter().any(|app| app.mode != domain::account::AccessMode::System)
}
