//! Rate limits of callers, apps and addresses. Before authentication each request can cost a signature check,
//! a write, or a request to a provider: there the address is counted.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::HttpError;
use crate::state;
use config::Limits;
use domain::account::Caller;

type Limiter = Option<Arc<DefaultKeyedRateLimiter<String>>>;

/// The counts of requests. Cheap to clone.
#[derive(Clone)]
pub struct Throttle {
    callers: Limiter,
    addresses: Limiter,
    /// The header in which a reverse proxy sends the client's address; `None` without a reverse proxy.
    address_header: Option<Arc<str>>,
}

impl Throttle {
    /// Counters at zero.
    pub fn new(limits: &Limits, address_header: Option<&str>) -> Self {
        let limiter = |per_minute| {
            NonZeroU32::new(per_minute)
                .map(|per_minute| Arc::new(RateLimiter::keyed(Quota::per_minute(per_minute))))
        };
        Self {
            callers: limiter(limits.requests_per_minute),
            addresses: limiter(limits.log_in_requests_per_minute),
            address_header: address_header.map(Into::into),
        }
    }

    /// Counts a request of this caller. Requests that an app sends for a user are counted for the app.
    ///
    /// # Errors
    ///
    /// How long to wait, when the caller has sent too many requests.
    pub fn count_caller(&self, caller: &Caller) -> Result<(), Duration> {
        let of_app = caller.app.as_ref().map(|app| format!("app {app}"));
        let key =
            of_app.or_else(|| caller.principal.id()).unwrap_or_else(|| caller.principal.kind().to_owned());
        count(&self.callers, &key)
    }

    /// Counts a request of an authenticated app, together with those that it sends for users.
    ///
    /// # Errors
    ///
    /// As [`Throttle::count_caller`].
    pub fn count_app(&self, client_id: &str) -> Result<(), Duration> {
        count(&self.callers, &format!("app {client_id}"))
    }

    /// Counts a request of an address, at an endpoint without authentication.
    ///
    /// # Errors
    ///
    /// As [`Throttle::count_caller`].
    pub fn count_address(&self, request: &HttpRequest) -> Result<(), Duration> {
        count(&self.addresses, &self.source(request))
    }

    /// The key under which the source of a request is counted.
    pub fn source(&self, request: &HttpRequest) -> String {
        key(self.address(request))
    }

    /// The address of the client: that of the connection, or that of the header that the settings name. Of
    /// several addresses in the header only the last is set by the reverse proxy; a client can send any
    /// before it.
    fn address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let Some(header) = self.address_header.as_deref() else { return peer };
        let last = request.headers().get_all(header).last().and_then(|value| value.to_str().ok());
        last.and_then(last_address).or(peer)
    }

    /// Forgets idle callers, so that memory stays bounded.
    pub fn forget_quiet_callers(&self) {
        for limiter in [&self.callers, &self.addresses].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn count(limiter: &Limiter, key: &str) -> Result<(), Duration> {
    let Some(limiter) = limiter else { return Ok(()) };
    let counted = limiter.check_key(&key.to_owned());
    counted.map_err(|error| error.wait_time_from(limiter.clock().now()))
}

/// Answers 429 when an address sends too many requests.
///
/// # Errors
///
/// [`HttpError::throttled`].
pub async fn limit_addresses<E: HttpError>(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let counted = match state::<Throttle>(request.request()) {
        Ok(throttle) => throttle.count_address(request.request()),
        Err(fault) => return Err(E::from(fault).into()),
    };
    counted.map_err(|wait| E::throttled(wait.as_secs() + 1))?;
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// The last address of a list. Some reverse proxies append the port.
fn last_address(list: &str) -> Option<IpAddr> {
    let text = list.rsplit(',').next()?.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
}

/// The key of an address. An IPv6 address counts as its /64, which one client usually holds.
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
    fn rate_limit_counts_ipv6_by_64_prefix() {
        let key = |text: &str| key(Some(text.parse().unwrap()));
        assert_eq!(key("2001:db8:1:2::3"), key("2001:db8:1:2:ffff::4"));
        assert_ne!(key("2001:db8:1:2::3"), key("2001:db8:1:3::3"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
