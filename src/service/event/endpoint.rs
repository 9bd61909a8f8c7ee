//! Validation of a channel's endpoint by its URL. Each call resolves the name and checks every address again.

use std::net::IpAddr;

use url::{Host, Url};

use crate::event::channel::broker_url::BrokerUrl;
use crate::event::settings::Subscriptions;
use base::net::address::is_public;
use domain::event::ChannelType;

/// Why an endpoint is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFault {
    /// It is not an absolute URL.
    #[error("This is not an absolute URL.")]
    Malformed,
    /// The channel type does not support its scheme.
    #[error(
        "The channel does not go to URLs of this scheme: rest-hook goes to https, message to nats, tls, amqp and amqps."
    )]
    Scheme,
    /// It holds a user name or a password, which would be stored and logged as part of the URL.
    #[error("Leave user and password out of the URL: send what identifies you in a header.")]
    User,
    /// It does not name the destination within the broker.
    #[error(
        "Say where the message goes: nats://HOST/SUBJECT, or amqp://HOST/VHOST/EXCHANGE?routing_key=KEY."
    )]
    Broker,
    /// It has a fragment, which is never sent.
    #[error("Leave the fragment out of the URL: it is never sent.")]
    Fragment,
    /// It is this server.
    #[error("This is the address of this server: use the URL of your own server.")]
    Own,
    /// Its host is not on the configured list.
    #[error("This host is not on the list of allowed hosts.")]
    NotAllowed,
    /// It is an address, or a name, of a network that is not public.
    #[error("This address is not on the public internet.")]
    NotPublic,
}

/// Validates the endpoint of a channel (N-03).
///
/// # Errors
///
/// [`EndpointFault`], the first fault.
pub fn check_endpoint(
    kind: ChannelType,
    endpoint: &str,
    settings: &Subscriptions,
) -> Result<(), EndpointFault> {
    let is_plain = endpoint.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte));
    let url = Url::parse(endpoint).ok().filter(|_| is_plain).ok_or(EndpointFault::Malformed)?;
    let after_scheme = endpoint.get(url.scheme().len()..).unwrap_or_default();
    if !after_scheme.starts_with("://") {
        return Err(EndpointFault::Malformed);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointFault::User);
    }
    if url.fragment().is_some() {
        return Err(EndpointFault::Fragment);
    }
    match kind {
        ChannelType::Message => check_broker(&url, endpoint, settings),
        ChannelType::RestHook | ChannelType::WebSocket => check_host(&url, settings),
    }
}

fn check_host(url: &Url, settings: &Subscriptions) -> Result<(), EndpointFault> {
    let host = url.host().ok_or(EndpointFault::Malformed)?;
    let address: Option<IpAddr> = match &host {
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
        Host::Domain(_) => None,
    };
    let is_loopback = settings.loopback && address.is_some_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        _ => return Err(EndpointFault::Scheme),
    }
    let name = host.to_string();
    let name = name.trim_end_matches('.');
    if is_own(name, address, url.port_or_known_default(), settings) {
        return Err(EndpointFault::Own);
    }
    if is_loopback {
        return Ok(());
    }
    if address.is_some_and(|address| !is_public(address))
        || name == "localhost"
        || name.ends_with(".localhost")
    {
        return Err(EndpointFault::NotPublic);
    }
    let allowed = &settings.allowed_hosts;
    let fits = |allowed: &String| match allowed.strip_prefix('*') {
        Some(below) => name.len() > below.len() && name.ends_with(&below.to_ascii_lowercase()),
        None => name.eq_ignore_ascii_case(allowed),
    };
    if allowed.is_empty() || allowed.iter().any(fits) { Ok(()) } else { Err(EndpointFault::NotAllowed) }
}

/// Whether a host is this server's own, by name on whichever port. On localhost many programs share an
/// address: there the port decides. Other names of this server are recognised by a header of each delivery
/// ([`domain::event::DELIVERY`]).
fn is_own(name: &str, address: Option<IpAddr>, port: Option<u16>, settings: &Subscriptions) -> bool {
    let Some((own, own_port)) = &settings.own else { return false };
    if address.is_some_and(|address| address.is_loopback()) {
        let is_local = own == "localhost"
            || own
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|ip: IpAddr| ip.is_loopback() || ip.is_unspecified());
        return is_local && port == Some(*own_port);
    }
    name.eq_ignore_ascii_case(own) || name.trim_matches(['[', ']']) == own
}

/// Checks that the operator allows a broker, in whatever network it is.
fn check_broker(url: &Url, endpoint: &str, settings: &Subscriptions) -> Result<(), EndpointFault> {
    if !matches!(url.scheme(), "nats" | "tls" | "amqp" | "amqps") {
        return Err(EndpointFault::Scheme);
    }
    let place = BrokerUrl::parse(endpoint).or(Err(EndpointFault::Broker))?.authority();
    let is_named = settings.allowed_brokers.iter().any(|broker| broker.eq_ignore_ascii_case(&place));
    if is_named { Ok(()) } else { Err(EndpointFault::NotAllowed) }
}

#[cfg(test)]
mod tests {
    use super::{EndpointFault, check_endpoint};
    use crate::event::settings::Subscriptions;
    use chrono::TimeDelta;
    use domain::event::ChannelType::{Message, RestHook};

    fn settings(loopback: bool, hosts: &[&str], brokers: &[&str]) -> Subscriptions {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Subscriptions {
            enabled: true,
            role_created_event: true,
            most_per_owner: 1,
            most_per_citizen: 1,
            allowed_hosts: texts(hosts),
            allowed_brokers: texts(brokers),
            loopback,
            own: None,
            timeout: TimeDelta::seconds(1),
            most_timeout: TimeDelta::seconds(1),
            least_heartbeat: TimeDelta::seconds(1),
            most_events: 1,
            retries: vec![TimeDelta::seconds(1)],
            most_retry_after: TimeDelta::seconds(1),
            concurrency: 1,
            concurrency_per_host: 1,
            circuit_failures: 1,
            circuit: TimeDelta::seconds(1),
            lease: TimeDelta::seconds(2),
            former_secret: TimeDelta::hours(1),
        }
    }

    // covers N-03
    #[test]
    fn rest_hook_endpoint_must_be_public_https() {
        let open = settings(false, &[], &[]);
        for (url, expected) in [
            ("https://listener.example.com/notify?key=1", Ok(())),
            ("https://93.184.215.14:8443/", Ok(())),
            ("listener.example.com", Err(EndpointFault::Malformed)),
            ("https:/listener.example.com", Err(EndpointFault::Malformed)),
            ("https:listener.example.com", Err(EndpointFault::Malformed)),
            ("https://listener.example.com/a b", Err(EndpointFault::Malformed)),
            ("https://a\\@b.example.com/", Err(EndpointFault::Malformed)),
            ("https:///", Err(EndpointFault::Malformed)),
            ("", Err(EndpointFault::Malformed)),
            ("http://listener.example.com/", Err(EndpointFault::Scheme)),
            ("ftp://listener.example.com/", Err(EndpointFault::Scheme)),
            ("http://127.0.0.1:9/", Err(EndpointFault::Scheme)),
            ("https://user@listener.example.com/", Err(EndpointFault::User)),
            ("https://:secret@listener.example.com/", Err(EndpointFault::User)),
            ("https://listener.example.com/#a", Err(EndpointFault::Fragment)),
            ("https://127.0.0.1/", Err(EndpointFault::NotPublic)),
            ("https://127.1/", Err(EndpointFault::NotPublic)),
            ("https://2130706433/", Err(EndpointFault::NotPublic)),
            ("https://0x7f.1/", Err(EndpointFault::NotPublic)),
            ("https://10.0.0.1/", Err(EndpointFault::NotPublic)),
            ("https://169.254.169.254/latest/meta-data", Err(EndpointFault::NotPublic)),
            ("https://[::1]/", Err(EndpointFault::NotPublic)),
            ("https://[::ffff:10.0.0.1]/", Err(EndpointFault::NotPublic)),
            ("https://[fd00::1]/", Err(EndpointFault::NotPublic)),
            ("https://localhost/", Err(EndpointFault::NotPublic)),
            ("https://a.localhost./", Err(EndpointFault::NotPublic)),
        ] {
            assert_eq!(check_endpoint(RestHook, url, &open), expected, "{url}");
        }
    }

    // covers N-03
    #[test]
    fn endpoint_on_this_server_is_rejected() {
        let own = |host: &str, port| Subscriptions {
            own: Some((host.to_owned(), port)),
            ..settings(true, &[], &[])
        };
        for (settings, url, expected) in [
            (own("proxy.example.com", 443), "https://proxy.example.com/events", Err(EndpointFault::Own)),
            (own("proxy.example.com", 443), "https://PROXY.example.com.:8443/x", Err(EndpointFault::Own)),
            (own("proxy.example.com", 443), "https://other.example.com/events", Ok(())),
            (own("93.184.215.14", 443), "https://93.184.215.14/", Err(EndpointFault::Own)),
            (own("127.0.0.1", 8080), "http://127.0.0.1:8080/events", Err(EndpointFault::Own)),
            (own("0.0.0.0", 8080), "http://127.1.2.3:8080/events", Err(EndpointFault::Own)),
            (own("localhost", 8080), "http://[::1]:8080/events", Err(EndpointFault::Own)),
            (own("127.0.0.1", 8080), "http://127.0.0.1:9999/events", Ok(())),
        ] {
            assert_eq!(check_endpoint(RestHook, url, &settings), expected, "{url}");
        }
    }

    #[test]
    fn allowed_loopback_hosts_and_brokers_follow_the_settings() {
        let narrow = settings(true, &["one.example.com", "*.two.example.com"], &["10.0.0.5:4222"]);
        for (kind, url, expected) in [
            (RestHook, "http://127.0.0.1:9999/x", Ok(())),
            (RestHook, "http://[::1]:9999/x", Ok(())),
            (RestHook, "https://one.example.com/", Ok(())),
            (RestHook, "https://a.two.example.com/", Ok(())),
            (RestHook, "https://two.example.com/", Err(EndpointFault::NotAllowed)),
            (RestHook, "https://evil-two.example.com/", Err(EndpointFault::NotAllowed)),
            (RestHook, "https://10.0.0.5/", Err(EndpointFault::NotPublic)),
            (RestHook, "nats://10.0.0.5/", Err(EndpointFault::Scheme)),
            (Message, "nats://10.0.0.5/roles", Ok(())),
            (Message, "nats://10.0.0.5:4223/roles", Err(EndpointFault::NotAllowed)),
            (Message, "amqp://10.0.0.5/roles?routing_key=a", Err(EndpointFault::NotAllowed)),
            (Message, "amqp://10.0.0.5/roles", Err(EndpointFault::Broker)),
            (Message, "nats://10.0.0.5/roles.*", Err(EndpointFault::Broker)),
            (Message, "nats://user:word@10.0.0.5/roles", Err(EndpointFault::User)),
            (Message, "https://one.example.com/", Err(EndpointFault::Scheme)),
        ] {
            assert_eq!(check_endpoint(kind, url, &narrow), expected, "{url}");
        }
    }
}
