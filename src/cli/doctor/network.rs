//! Checks of the services that this one calls: identity providers, the mail server, brokers.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;

use crate::doctor::database;
use crate::doctor::report::DoctorReport;
use base::clock::Clock;
use base::net::fetch::{FetchOptions, Fetched, Fetcher, Reach};
use config::Config;
use idp::ProviderSettings;
use service::job::sender::{Away, Sender as _, SmtpSender};
use service::job::settings::Smtp;

/// The timeout of a connection.
const WAIT: Duration = Duration::from_secs(5);

pub(super) fn examine(config: &Config, clock: &dyn Clock, report: &mut DoctorReport) {
    if config.oauth.enabled && !config.oauth.providers.is_empty() {
        providers(config, clock, report);
    }
    if let Some(smtp) = &config.smtp {
        mail(smtp, report);
    }
    for broker in &config.subscriptions.allowed_brokers {
        reach("broker", broker, report);
    }
}

/// Whether the mail server is reachable, supports TLS as configured, and accepts the login. Sends no message.
fn mail(smtp: &Smtp, report: &mut DoctorReport) {
    let place = format!("{}:{}", smtp.host, smtp.port);
    let is_reached = reach("mail", &place, report);
    if !smtp.username.is_empty()
        && let Err(error) = std::fs::read_to_string(&smtp.password_file)
    {
        let found = format!("smtp.password_file {}: {error}", smtp.password_file.display());
        return report.wrong("mail", found, "make it readable for the user that runs onbehalf");
    }
    if !is_reached {
        return;
    }
    let spoken = SmtpSender::new(smtp).and_then(|sender| sender.check().map_err(|Away(why)| why));
    match spoken {
        Ok(()) => report.ok("mail", format!("{place} accepts the login")),
        Err(why) => {
            let mend = "check that smtp.tls is what it supports, that its certificate is for smtp.host, and that it accepts \
                smtp.username and the password";
            report.wrong("mail", format!("{place}: {why}"), mend);
        }
    }
}

fn providers(config: &Config, clock: &dyn Clock, report: &mut DoctorReport) {
    let options =
        FetchOptions { timeout: WAIT, max_bytes: 256 * 1024, allows_loopback: false, reach: Reach::Anywhere };
    let fetcher = match Fetcher::new(options) {
        Ok(fetcher) => fetcher,
        Err(error) => return report.wrong("provider", error.to_string(), "check the system's certificates"),
    };
    actix_rt::System::new().block_on(async {
        for provider in &config.oauth.providers {
            examine_provider(provider, &fetcher, clock, report).await;
        }
    });
}

async fn examine_provider(
    provider: &ProviderSettings,
    fetcher: &Fetcher,
    clock: &dyn Clock,
    report: &mut DoctorReport,
) {
    let (id, url) = (&provider.id, discovery_url(provider));
    let mend = "check that oauth.providers has its issuer, and that this machine can reach it";
    let (document, answer) = match fetch(fetcher, &url).await {
        Ok(both) => both,
        Err(why) => return report.wrong("provider", format!("{id}: {url}: {why}"), mend),
    };
    if let Some(date) = date_of(&answer) {
        database::compare(&format!("the clock of {id}"), date, clock.now(), report);
    }
    if document.get("issuer").and_then(Value::as_str) != Some(&provider.issuer) {
        return report.wrong("provider", format!("{id}: its metadata name another issuer"), mend);
    }
    let Some(keys) = document.get("jwks_uri").and_then(Value::as_str) else {
        return report.wrong("provider", format!("{id}: its metadata have no jwks_uri"), mend);
    };
    match fetch(fetcher, keys).await {
        Ok((set, _)) if set.get("keys").and_then(Value::as_array).is_some_and(|keys| !keys.is_empty()) => {
            report.ok("provider", format!("{id} responds, and has keys"));
        }
        Ok(_) => report.wrong("provider", format!("{id}: {keys} contains no keys"), mend),
        Err(why) => report.wrong("provider", format!("{id}: {keys}: {why}"), mend),
    }
}

/// A JSON document, and its response.
async fn fetch(fetcher: &Fetcher, url: &str) -> Result<(Value, Fetched), String> {
    let answer = fetcher.get(url, "application/json", None).await.map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!("the status is {}", answer.status.as_u16()));
    }
    let document =
        serde_json::from_slice(&answer.body).map_err(|_wrong| "the response is not JSON".to_owned())?;
    Ok((document, answer))
}

/// The time in a response (RFC 9110 §6.6.1), to the second.
fn date_of(answer: &Fetched) -> Option<DateTime<chrono::Utc>> {
    let date = answer.headers.get("date")?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(date).ok()?.to_utc())
}

/// Whether a `HOST:PORT` accepts connections.
fn reach(about: &'static str, place: &str, report: &mut DoctorReport) -> bool {
    let mend = "start it, or check that this machine can reach it";
    let addresses: Vec<_> = match place.to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            report.wrong(about, format!("{place}: {error}"), mend);
            return false;
        }
    };
    let mut answers = addresses.iter().map(|address| std::net::TcpStream::connect_timeout(address, WAIT));
    let is_reached = answers.any(|answer| answer.is_ok());
    if is_reached {
        report.ok(about, format!("{place} can be reached"));
    } else {
        report.wrong(about, format!("{place}: no response"), mend);
    }
    is_reached
}

/// The URL of a provider's metadata (OpenID Connect Discovery 1.0 §4).
fn discovery_url(provider: &ProviderSettings) -> String {
    format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'))
}
