//! The hosts that are called: how many calls to one run at a time, and which is left alone because it fails.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Subscriptions;

/// What is known of hosts in this process.
#[derive(Debug)]
pub(super) struct Hosts {
    most: usize,
    most_failures: u32,
    circuit: TimeDelta,
    known: HashMap<String, Host>,
}

#[derive(Debug, Default)]
struct Host {
    running: usize,
    /// Failures in a row, at whichever subscription.
    failures: u32,
    /// Until when it is left alone.
    open_until: Option<DateTime<Utc>>,
}

/// Whether a host may be called now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, and the call is counted.
    Now,
    /// When another call has ended.
    Full,
    /// Not before this time.
    At(DateTime<Utc>),
}

impl Hosts {
    pub(super) fn new(settings: &Subscriptions) -> Self {
        Self {
            most: settings.concurrency_per_host,
            most_failures: settings.circuit_failures,
            circuit: settings.circuit,
            known: HashMap::new(),
        }
    }

    /// Counts a call, if there may be one. A host that was left alone is tried with one call first.
    pub(super) fn admit(&mut self, host: &str, now: DateTime<Utc>) -> Admission {
        let one = self.known.entry(host.to_owned()).or_default();
        if let Some(until) = one.open_until.filter(|until| now < *until) {
            return Admission::At(until);
        }
        let most = if one.open_until.is_some() { 1 } else { self.most };
        if one.running >= most {
            return Admission::Full;
        }
        one.running += 1;
        Admission::Now
    }

    /// A call has ended.
    pub(super) fn end(&mut self, host: &str) {
        if let Some(one) = self.known.get_mut(host) {
            one.running = one.running.saturating_sub(1);
            if one.running == 0 && one.failures == 0 {
                self.known.remove(host);
            }
        }
    }

    /// How a call went: whether the host was there.
    pub(super) fn report(&mut self, host: &str, is_there: bool, now: DateTime<Utc>) {
        let Some(one) = self.known.get_mut(host) else { return };
        if is_there {
            (one.failures, one.open_until) = (0, None);
        } else {
            one.failures = one.failures.saturating_add(1);
            if one.failures >= self.most_failures {
                one.open_until = Some(now + self.circuit);
            }
        }
    }
}

/// The host and the port of a URL: what a log and a record may say of an endpoint.
pub(super) fn host_of(endpoint: &str) -> String {
    let parsed = url::Url::parse(endpoint).ok();
    let host = parsed.as_ref().and_then(|url| {
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    });
    host.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::{Admission, Hosts, host_of};
    use crate::config::{Sources, Subscriptions};

    #[test]
    fn a_host_is_called_so_often_at_a_time_and_left_alone_when_it_fails() {
        let settings = Sources::default().load().unwrap().subscriptions;
        let settings = Subscriptions {
            concurrency_per_host: 2,
            circuit_failures: 3,
            circuit: TimeDelta::seconds(30),
            ..settings
        };
        let mut hosts = Hosts::new(&settings);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let later = now + TimeDelta::seconds(30);
        assert_eq!(hosts.admit("a", now), Admission::Now);
        assert_eq!(hosts.admit("a", now), Admission::Now);
        assert_eq!(hosts.admit("a", now), Admission::Full);
        assert_eq!(hosts.admit("b", now), Admission::Now);
        for _ in 0..3 {
            hosts.report("a", false, now);
        }
        hosts.end("a");
        hosts.end("a");
        assert_eq!(hosts.admit("a", now), Admission::At(later));
        assert_eq!(hosts.admit("b", now), Admission::Now);
        assert_eq!((hosts.admit("a", later), hosts.admit("a", later)), (Admission::Now, Admission::Full));
        hosts.report("a", true, later);
        assert_eq!(hosts.admit("a", later), Admission::Now);
    }

    #[test]
    fn of_an_endpoint_only_host_and_port_are_said() {
        assert_eq!(host_of("https://a.example/notify?key=secret"), "a.example");
        assert_eq!(host_of("http://127.0.0.1:8080/x"), "127.0.0.1:8080");
        assert_eq!(host_of("no url"), "");
    }
}
