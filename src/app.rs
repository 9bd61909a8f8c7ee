//! The long-lived parts of a running service.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::account::{AccessPolicy, Who};
use crate::clock::Clock;
use crate::config::{Contract, Limits};
use crate::store::Store;

/// What every request handler may reach. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is let in.
    pub policy: Arc<AccessPolicy>,
    /// The switches of the contract.
    pub contract: Contract,
    /// The limits on requests.
    pub limits: Limits,
    /// The SHA-256 of the key of `_status`.
    pub status_key: Option<[u8; 32]>,
    /// The URL under which clients reach this server, without a path and without a slash at its end.
    pub public_url: Arc<str>,
    limiter: Option<Arc<DefaultKeyedRateLimiter<String>>>,
}

/// The parts that an [`App`] is made of.
#[expect(missing_docs, reason = "the fields are those of App")]
pub struct Parts {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub policy: AccessPolicy,
    pub contract: Contract,
    pub limits: Limits,
    pub status_key: Option<[u8; 32]>,
    pub public_url: String,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let limiter = NonZeroU32::new(parts.limits.requests_per_minute)
            .map(|per_minute| Arc::new(RateLimiter::keyed(Quota::per_minute(per_minute))));
        Self {
            store: parts.store,
            clock: parts.clock,
            policy: Arc::new(parts.policy),
            contract: parts.contract,
            limits: parts.limits,
            status_key: parts.status_key,
            public_url: parts.public_url.into(),
            limiter,
        }
    }

    /// Counts a request of this caller.
    ///
    /// # Errors
    ///
    /// How long to wait, when the caller has asked too often.
    pub fn count_request(&self, who: &Who) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let key = who.id().unwrap_or_else(|| who.kind().to_owned());
        limiter.check_key(&key).map_err(|denied| denied.wait_time_from(limiter.clock().now()))
    }

    /// Forgets callers that have been quiet, so that the limiter's memory does not grow for ever.
    pub fn forget_quiet_callers(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}
