//! `[subscriptions]`: limits, allowed hosts and retries of deliveries.

use chrono::TimeDelta;
use domain::account::Principal;

/// `[subscriptions]`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct Subscriptions {
    pub enabled: bool,
    pub role_created_event: bool,
    pub most_per_owner: i64,
    pub most_per_citizen: i64,
    pub allowed_hosts: Vec<String>,
    pub allowed_brokers: Vec<String>,
    pub loopback: bool,
    /// The host and the port under which clients reach this server: no notification is sent there.
    pub own: Option<(String, u16)>,
    pub timeout: TimeDelta,
    pub most_timeout: TimeDelta,
    pub least_heartbeat: TimeDelta,
    pub most_events: i64,
    pub retries: Vec<TimeDelta>,
    pub most_retry_after: TimeDelta,
    pub concurrency: usize,
    pub concurrency_per_host: usize,
    pub circuit_failures: u32,
    pub circuit: TimeDelta,
    pub lease: TimeDelta,
    pub former_secret: TimeDelta,
}

impl Subscriptions {
    /// The most subscriptions that such a caller may have that are not off.
    pub fn most_of(&self, principal: &Principal) -> i64 {
        match principal {
            Principal::Citizen { .. } | Principal::Proxy { .. } => {
                self.most_per_citizen.min(self.most_per_owner)
            }
            Principal::Anyone | Principal::Staff { .. } | Principal::System { .. } | Principal::Service => {
                self.most_per_owner
            }
        }
    }
}
