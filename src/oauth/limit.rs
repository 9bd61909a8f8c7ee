//! How often an address may ask at the endpoints that nobody has proved themselves at yet. Each request there can
//! cost a signature, a write, or a request to a provider.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use actix_web::HttpRequest;

use web::app::App;

/// Counts a request of an address.
///
/// # Errors
///
/// How long to wait, when the address has asked too often.
pub(super) fn count(app: &App, request: &HttpRequest) -> Result<(), Duration> {
    app.count_address(&source(app, request))
}

/// Where a request comes from, as it is counted.
pub(super) fn source(app: &App, request: &HttpRequest) -> String {
    key(address(app, request))
}

/// Where a request comes from: the connection, or what the proxy in front says in the header of the settings.
/// Of several addresses the last is the proxy's own word; those before it anybody could have written.
fn address(app: &App, request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let Some(header) = app.address_header.as_deref() else { return peer };
    let last = request.headers().get_all(header).last().and_then(|value| value.to_str().ok());
    last.and_then(last_address).or(peer)
}

/// The last address of a list. Some proxies write the port behind it.
fn last_address(list: &str) -> Option<IpAddr> {
    let text = list.rsplit(',').next()?.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
}

/// Whoever has one IPv6 address has a whole /64 of them.
fn key(address: Option<IpAddr>) -> String {
    match address {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => address.to_ipv4_mapped().map_or_else(
            || {
                let network = address.to_bits() & !u128::from(u64::MAX);
                format!("{}/64", Ipv6Addr::from_bits(network))
            },
            |address| address.to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{key, last_address};

    #[test]
    fn the_last_address_of_the_header_is_taken_with_or_without_a_port() {
        for (list, address) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("10.0.0.1, 192.0.2.1:5678", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("x,[2001:db8::1]:443 ", Some("2001:db8::1")),
            ("192.0.2.1, ", None),
            ("192.0.2.1 192.0.2.2", None),
            ("192.0.2.1, unknown", None),
        ] {
            let expected = address.map(|text| text.parse().unwrap());
            assert_eq!(last_address(list), expected, "{list}");
        }
    }

    #[test]
    fn an_address_is_counted_with_its_neighbours_on_the_same_link() {
        let key = |text: &str| key(Some(text.parse().unwrap()));
        assert_eq!(key("2001:db8:1:2::3"), key("2001:db8:1:2:ffff::4"));
        assert_ne!(key("2001:db8:1:2::3"), key("2001:db8:1:3::3"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
