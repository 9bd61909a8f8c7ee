//! The slots of delivery: how many attempts run at a time for one place and for one owner; and the circuit
//! breaker of failing endpoints.
//!
//! No owner, and no domain, holds more than a quarter of all slots, under however many names and ports: a
//! slow subscriber delays only itself. A domain whose attempts take long gets fewer slots, down to one, until
//! they are quick again. Heartbeats use half of an owner's slots at most, and a quarter of all: they are less
//! urgent than events.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::target::DeliveryTarget;
use service::event::settings::Subscriptions;

/// An attempt that takes longer counts as slow, whatever its outcome.
const SLOW: Duration = Duration::from_secs(2);

/// How many endpoints, and domains, are kept.
const MOST_KNOWN: usize = 10_000;

/// What this process knows of endpoints and owners.
#[derive(Debug)]
pub(super) struct Hosts {
    /// The most attempts to one host and port.
    most: usize,
    /// The most attempts of one owner, to one domain, and of heartbeats.
    share: usize,
    most_failures: u32,
    circuit: TimeDelta,
    endpoints: HashMap<String, Endpoint>,
    owners: HashMap<String, usize>,
    domains: HashMap<String, Domain>,
    heartbeats: usize,
}

/// A host and port.
#[derive(Debug, Default)]
struct Endpoint {
    running: usize,
    /// Failures in a row, of any subscription.
    failures: u32,
    /// Until when no attempt is made: the circuit is open.
    open_until: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
struct Domain {
    running: usize,
    /// How often its slots were halved because it is slow.
    slowness: u32,
}

/// Whether an attempt may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, and is counted.
    Now,
    /// When a running attempt has ended.
    Full,
    /// Not before this time.
    At(DateTime<Utc>),
}

impl Hosts {
    pub(super) fn new(settings: &Subscriptions) -> Self {
        let share = (settings.concurrency / 4).max(1);
        Self {
            most: settings.concurrency_per_host.min(share),
            share,
            most_failures: settings.circuit_failures,
            circuit: settings.circuit,
            endpoints: HashMap::new(),
            owners: HashMap::new(),
            domains: HashMap::new(),
            heartbeats: 0,
        }
    }

    /// How many attempts may wait for one endpoint.
    pub(super) fn most_waiting(&self) -> usize {
        self.most
    }

    /// How many slots one owner, or one domain, may hold, waiting attempts included.
    pub(super) fn share(&self) -> usize {
        self.share
    }

    /// How many attempts of an owner are running.
    pub(super) fn running_of(&self, owner: &str) -> usize {
        self.owners.get(owner).copied().unwrap_or_default()
    }

    /// Counts an attempt, if one may begin. After an open circuit, one attempt tests the endpoint first.
    pub(super) fn admit(&mut self, target: &DeliveryTarget, now: DateTime<Utc>) -> Admission {
        let one = self.endpoints.entry(target.endpoint.clone()).or_default();
        if let Some(until) = one.open_until.filter(|until| now < *until) {
            return Admission::At(until);
        }
        let most = if one.open_until.is_some() { 1 } else { self.most };
        let domain = self.domains.entry(target.domain.clone()).or_default();
        let domain_most = (self.share >> domain.slowness.min(31)).max(1);
        let owner = self.owners.entry(target.owner.clone()).or_default();
        let is_full = one.running >= most
            || domain.running >= domain_most
            || *owner >= self.share
            || (target.is_heartbeat && (self.heartbeats >= self.share || *owner >= (self.share / 2).max(1)));
        if is_full {
            self.tidy(target);
            return Admission::Full;
        }
        one.running += 1;
        domain.running += 1;
        *owner += 1;
        self.heartbeats += usize::from(target.is_heartbeat);
        Admission::Now
    }

    /// Ends a counted attempt.
    pub(super) fn end(&mut self, target: &DeliveryTarget) {
        if let Some(one) = self.endpoints.get_mut(&target.endpoint) {
            one.running = one.running.saturating_sub(1);
        }
        if let Some(domain) = self.domains.get_mut(&target.domain) {
            domain.running = domain.running.saturating_sub(1);
        }
        if let Some(owner) = self.owners.get_mut(&target.owner) {
            *owner = owner.saturating_sub(1);
        }
        self.heartbeats = self.heartbeats.saturating_sub(usize::from(target.is_heartbeat));
        self.tidy(target);
    }

    /// Drops entries without information; and all idle entries of slow or failing places, when there are very
    /// many.
    fn tidy(&mut self, target: &DeliveryTarget) {
        if self.domains.len() > MOST_KNOWN {
            self.domains.retain(|_, one| one.running > 0);
        }
        if self.endpoints.len() > MOST_KNOWN {
            self.endpoints.retain(|_, one| one.running > 0);
        }
        if self.endpoints.get(&target.endpoint).is_some_and(|one| one.running == 0 && one.failures == 0) {
            self.endpoints.remove(&target.endpoint);
        }
        if self.domains.get(&target.domain).is_some_and(|one| one.running == 0 && one.slowness == 0) {
            self.domains.remove(&target.domain);
        }
        if self.owners.get(&target.owner).is_some_and(|running| *running == 0) {
            self.owners.remove(&target.owner);
        }
    }

    /// Records the outcome of an attempt: whether the subscriber was up, and how long it took. `None` where
    /// that is not known.
    pub(super) fn report(
        &mut self,
        target: &DeliveryTarget,
        is_there: Option<bool>,
        took: Duration,
        now: DateTime<Utc>,
    ) {
        if let Some(domain) = self.domains.get_mut(&target.domain) {
            let most = self.share.checked_ilog2().unwrap_or_default();
            domain.slowness =
                if took > SLOW { (domain.slowness + 1).min(most) } else { domain.slowness.saturating_sub(1) };
        }
        let Some(one) = self.endpoints.get_mut(&target.endpoint) else { return };
        match is_there {
            None => {}
            Some(true) => (one.failures, one.open_until) = (0, None),
            Some(false) => {
                one.failures = one.failures.saturating_add(1);
                if one.failures >= self.most_failures {
                    one.open_until = Some(now + self.circuit);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};

    use super::{Admission, DeliveryTarget, Hosts};
    use config::Sources;
    use service::event::settings::Subscriptions;

    const QUICK: Duration = Duration::from_millis(5);

    fn hosts(concurrency: usize, concurrency_per_host: usize) -> Hosts {
        let settings = Sources::default().load().unwrap().subscriptions;
        let circuit = TimeDelta::seconds(30);
        Hosts::new(&Subscriptions {
            concurrency,
            concurrency_per_host,
            circuit_failures: 3,
            circuit,
            ..settings
        })
    }

    fn place(endpoint: &str, owner: &str) -> DeliveryTarget {
        DeliveryTarget::of(Some(&format!("https://{endpoint}/x")), owner, false)
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn endpoint_has_a_concurrency_limit_and_a_circuit_breaker() {
        let mut hosts = hosts(64, 2);
        let (a, b) = (place("a.example", "one"), place("b.example", "one"));
        let later = now() + TimeDelta::seconds(30);
        assert_eq!(hosts.admit(&a, now()), Admission::Now);
        assert_eq!(hosts.admit(&a, now()), Admission::Now);
        assert_eq!(hosts.admit(&a, now()), Admission::Full);
        assert_eq!(hosts.admit(&b, now()), Admission::Now);
        for _ in 0..3 {
            hosts.report(&a, Some(false), QUICK, now());
        }
        hosts.end(&a);
        hosts.end(&a);
        assert_eq!(hosts.admit(&a, now()), Admission::At(later));
        assert_eq!(hosts.admit(&b, now()), Admission::Now);
        assert_eq!((hosts.admit(&a, later), hosts.admit(&a, later)), (Admission::Now, Admission::Full));
        hosts.report(&a, Some(true), QUICK, later);
        assert_eq!(hosts.admit(&a, later), Admission::Now);
    }

    #[test]
    fn owner_and_domain_hold_a_quarter_of_the_slots_at_most() {
        let mut hosts = hosts(16, 8);
        let admitted = |hosts: &mut Hosts, places: &[DeliveryTarget]| {
            let now = now();
            places.iter().filter(|target| hosts.admit(target, now) == Admission::Now).count()
        };
        let many: Vec<DeliveryTarget> =
            (0..20).map(|n| place(&format!("h{n}.example{n}.com"), "slow")).collect();
        assert_eq!(admitted(&mut hosts, &many), 4, "one owner at twenty domains");
        let names: Vec<DeliveryTarget> =
            (0..20).map(|n| place(&format!("w{n}.example.org:{}", 1000 + n), &format!("o{n}"))).collect();
        assert_eq!(admitted(&mut hosts, &names), 4, "twenty owners at one domain");
        assert_eq!(admitted(&mut hosts, &[place("other.example.net", "other")]), 1);
        for target in many.iter().take(4) {
            hosts.end(target);
        }
        assert_eq!(admitted(&mut hosts, &many), 4);
    }

    #[test]
    fn slow_responses_reduce_the_slots_of_a_domain_and_fast_ones_restore_them() {
        let mut hosts = hosts(64, 16);
        let a = place("a.example", "one");
        let free = |hosts: &mut Hosts| {
            let admitted = (0..20).filter(|_| hosts.admit(&a, now()) == Admission::Now).count();
            (0..admitted).for_each(|_| hosts.end(&a));
            admitted
        };
        assert_eq!(free(&mut hosts), 16);
        for expected in [8, 4, 2, 1, 1] {
            assert_eq!(hosts.admit(&a, now()), Admission::Now);
            hosts.report(&a, Some(true), Duration::from_secs(25), now());
            hosts.end(&a);
            assert_eq!(free(&mut hosts), expected);
        }
        for expected in [2, 4, 8, 16, 16] {
            assert_eq!(hosts.admit(&a, now()), Admission::Now);
            hosts.report(&a, Some(true), QUICK, now());
            hosts.end(&a);
            assert_eq!(free(&mut hosts), expected);
        }
        assert!(hosts.domains.is_empty() && hosts.endpoints.is_empty() && hosts.owners.is_empty());
    }

    #[test]
    fn heartbeats_leave_slots_to_events() {
        let mut hosts = hosts(8, 8);
        let heartbeat =
            |n: usize| DeliveryTarget::of(Some(&format!("https://h{n}.com")), &format!("o{n}"), true);
        let admitted = (0..8).filter(|n| hosts.admit(&heartbeat(*n), now()) == Admission::Now).count();
        assert_eq!(admitted, 2);
        assert_eq!(hosts.admit(&place("a.example", "one"), now()), Admission::Now);
        let mut hosts = self::hosts(32, 8);
        let own = |n: usize| DeliveryTarget::of(Some(&format!("https://h{n}.com")), "one", true);
        let admitted = (0..8).filter(|n| hosts.admit(&own(*n), now()) == Admission::Now).count();
        assert_eq!(admitted, 4);
        assert_eq!(hosts.admit(&place("a.example", "one"), now()), Admission::Now);
    }
}
