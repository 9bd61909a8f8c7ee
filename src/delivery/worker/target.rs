//! The place of an attempt: the endpoint, domain and owner with which it shares slots and failures.

use url::{Host, Url};

/// The place of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeliveryTarget {
    /// The host and port, which fail together.
    pub(super) endpoint: String,
    /// The registrable domain, or the IP address, without the port: subdomains cost nothing to create.
    pub(super) domain: String,
    /// The owner: a person in all apps, or a system or member of staff in one app.
    pub(super) owner: String,
    /// Whether the attempt is a heartbeat.
    pub(super) is_heartbeat: bool,
}

impl DeliveryTarget {
    /// The place of a subscription with this endpoint, or without one, and this owner. A subscription without
    /// an endpoint (web socket) has a place of its own, named after `owner`.
    pub(super) fn of(endpoint: Option<&str>, owner: &str, is_heartbeat: bool) -> Self {
        let url = endpoint.and_then(|endpoint| Url::parse(endpoint).ok());
        let domain = match url.as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => registrable(name),
            Some(address @ (Host::Ipv4(_) | Host::Ipv6(_))) => address.to_string(),
            None => owner.to_owned(),
        };
        let endpoint = endpoint.map_or_else(|| owner.to_owned(), host_of);
        Self { endpoint, domain, owner: owner.to_owned(), is_heartbeat }
    }
}

/// The registrable part of a domain name, as far as its form shows: the last two labels, or three where the
/// last is a country's and the one before a kind of registrant (`example.nhs.uk`, `example.com.au`).
fn registrable(name: &str) -> String {
    const KINDS: [&str; 15] = [
        "ac", "co", "com", "edu", "gob", "gov", "ltd", "me", "mil", "net", "nhs", "org", "plc", "police",
        "sch",
    ];
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let mut labels = name.rsplit('.');
    let (last, second, third) = (labels.next(), labels.next(), labels.next());
    match (last, second, third) {
        (Some(last), Some(second), Some(third)) if last.len() == 2 && KINDS.contains(&second) => {
            format!("{third}.{second}.{last}")
        }
        (Some(last), Some(second), _) => format!("{second}.{last}"),
        (_, _, _) => name,
    }
}

/// The host and the port of a URL: the only part of an endpoint that a log or a record may contain.
pub(super) fn host_of(endpoint: &str) -> String {
    let parsed = Url::parse(endpoint).ok();
    let host = parsed.as_ref().and_then(|url| {
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    });
    host.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{DeliveryTarget, host_of, registrable};

    #[test]
    fn only_host_and_port_of_an_endpoint_are_logged() {
        assert_eq!(host_of("https://a.example/notify?key=secret"), "a.example");
        assert_eq!(host_of("http://127.0.0.1:8080/x"), "127.0.0.1:8080");
        assert_eq!(host_of("no url"), "");
    }

    #[test]
    fn names_and_ports_of_one_registrant_are_one_domain() {
        for (name, domain) in [
            ("a.example.com", "example.com"),
            ("w1.w2.Example.com.", "example.com"),
            ("events.trust.nhs.uk", "trust.nhs.uk"),
            ("example.co.uk", "example.co.uk"),
            ("nhs.uk", "nhs.uk"),
            ("a.example.io", "example.io"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(registrable(name), domain, "{name}");
        }
        let domain = |url: &str| DeliveryTarget::of(Some(url), "o", false).domain;
        assert_eq!(domain("http://127.0.0.1:1/x"), domain("http://127.0.0.1:2/y"));
        assert_eq!(domain("http://[::1]:1/x"), "[::1]");
        assert_eq!(DeliveryTarget::of(None, "o", false).domain, "o");
    }
}
