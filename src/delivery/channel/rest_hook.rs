//! The channel `rest-hook`: a notification is an HTTP POST.
//!
//! The subscriber chose the URL, so the request is restricted against SSRF: public addresses only, over https
//! (except on loopback, where the settings allow it), without a proxy, without redirects, and with a
//! deadline. One kilobyte of the response is read. The HTTP library limits the response's head to 100 lines
//! and 400 KiB.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use base::clock::Clock;
use base::error::Error;
use base::net::resolver::{Lookup, NameFault, PublicOnly};
use domain::event::{ChannelType, DELIVERY, DeliveryFailure};
use service::event::channel::sender::{ChannelSender, OutboundMessage, SendResult};
use service::event::endpoint::check_endpoint;
use service::event::settings::Subscriptions;

/// How much of a response body is kept, in bytes.
const MOST_ANSWER: usize = 1024;
/// How long an idle connection is kept, and how many for one host.
const IDLE: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 4;

/// The channel.
pub struct RestHook {
    client: Client,
    settings: Arc<Subscriptions>,
    clock: Arc<dyn Clock>,
}

/// The result of an attempt before the response was read to the end.
#[derive(Default)]
struct Head {
    status: Option<StatusCode>,
    retry_after: Option<TimeDelta>,
    answer: Vec<u8>,
}

impl RestHook {
    /// A channel that resolves hosts with `lookup`.
    ///
    /// # Errors
    ///
    /// The HTTP client cannot be built: TLS has no root certificates.
    pub fn new(
        settings: Arc<Subscriptions>,
        clock: Arc<dyn Clock>,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, Error> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .dns_resolver(Arc::new(PublicOnly { lookup, allows_loopback: false }))
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!("OnBehalf/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { client: client.map_err(Error::fault)?, settings, clock })
    }

    async fn post(&self, outbound: &OutboundMessage, head: &mut Head) -> Result<(), DeliveryFailure> {
        // Checked again: the settings may have changed, and an IP address in the URL is never resolved.
        if check_endpoint(ChannelType::RestHook, &outbound.endpoint, &self.settings).is_err() {
            return Err(DeliveryFailure { is_final: true, ..failure("forbidden-address") });
        }
        let headers = headers(outbound).ok_or(DeliveryFailure { is_final: true, ..failure("header") })?;
        let request =
            self.client.post(&outbound.endpoint).headers(headers).body(outbound.message.body.clone());
        let mut response = request.send().await.map_err(|error| unsent(&error))?;
        head.status = Some(response.status());
        head.retry_after = retry_after(&response, self.clock.now());
        while head.answer.len() < MOST_ANSWER {
            let Some(chunk) = response.chunk().await.or(Err(failure("closed")))? else { break };
            let wanted = chunk.len().min(MOST_ANSWER - head.answer.len());
            head.answer.extend(chunk.iter().take(wanted));
        }
        check_status(response.status())
    }
}

impl ChannelSender for RestHook {
    fn send<'a>(&'a self, outbound: &'a OutboundMessage) -> BoxFuture<'a, SendResult> {
        async move {
            let mut head = Head::default();
            let limit = outbound.timeout.to_std().unwrap_or_default();
            let posted = tokio::time::timeout(limit, self.post(outbound, &mut head)).await;
            let outcome = posted.unwrap_or_else(|_late| Err(failure("timeout")));
            let retry_after = head.retry_after;
            SendResult {
                outcome: outcome.map_err(|failure| DeliveryFailure { retry_after, ..failure }),
                status: head.status.map(|status| status.as_u16()),
                answer: (!head.answer.is_empty()).then(|| readable(&head.answer)),
            }
        }
        .boxed()
    }
}

const fn failure(code: &'static str) -> DeliveryFailure {
    DeliveryFailure { code, is_final: false, retry_after: None }
}

/// The headers of a notification. `None` where one of them is not valid.
fn headers(outbound: &OutboundMessage) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(DELIVERY), HeaderValue::from_static("1"));
    if let Some(content_type) = outbound.message.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in &outbound.headers {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
    }
    Some(headers)
}

/// The result of a response with this status. Its body does not matter.
fn check_status(status: StatusCode) -> Result<(), DeliveryFailure> {
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::GONE => Err(DeliveryFailure { is_final: true, ..failure("gone") }),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(failure("unauthorised")),
        _ if status.is_redirection() => Err(failure("redirect")),
        _ => Err(failure("status")),
    }
}

/// The `Retry-After` of a response: seconds, or a date (RFC 9110 §10.2.3).
fn retry_after(response: &Response, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<u32>() {
        Ok(seconds) => Some(TimeDelta::seconds(seconds.into())),
        Err(_no_number) => {
            Some((DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).max(TimeDelta::zero()))
        }
    }
}

/// Why a request got no response, from the root cause of the error.
fn unsent(error: &reqwest::Error) -> DeliveryFailure {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(at) = cause {
        if let Some(fault) = at.downcast_ref::<NameFault>() {
            return match fault {
                NameFault::Unknown => failure("dns"),
                NameFault::NotPublic => DeliveryFailure { is_final: true, ..failure("forbidden-address") },
            };
        }
        if at.is::<rustls::Error>() {
            return failure("tls");
        }
        // An io::Error skips its inner error: `source` returns the inner error's source.
        cause = match at.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(within) => Some(within),
            None => at.source(),
        };
    }
    if error.is_connect() { failure("connect") } else { failure("closed") }
}

/// The beginning of a response body as text that both databases can store.
fn readable(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    text.chars().filter(|letter| !letter.is_control() || *letter == '\n').collect()
}
