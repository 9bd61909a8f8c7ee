//! What is counted, for Prometheus. No label names a person, a subscription or an endpoint.

use std::sync::Arc;

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use base::error::Error;

/// The methods that are counted by name: a caller may send any other.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Seconds from an event to its delivery.
const LAGS: [f64; 12] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0, 86400.0];
/// Seconds of a request.
const DURATIONS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The counters of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: IntCounterVec,
    durations: Histogram,
    attempts: IntCounterVec,
    lag: Histogram,
    statements: IntCounter,
    long_writes: IntCounter,
    waiting: IntGauge,
    waiting_seconds: IntGauge,
    unsent: IntGauge,
    unsent_seconds: IntGauge,
    leases: IntGauge,
}

/// How deep the queues are, as the database has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queues {
    /// Events without a number.
    pub waiting: i64,
    /// For how long the first of them has waited, in seconds.
    pub waiting_seconds: i64,
    /// Events that a consumer has not taken.
    pub unsent: i64,
    /// For how long the first of them has waited, in seconds.
    pub unsent_seconds: i64,
    /// Subscriptions that a process is sending to.
    pub leases: i64,
}

impl Metrics {
    /// Counters that stand at zero.
    ///
    /// # Errors
    ///
    /// When two of them have one name: never.
    pub fn new() -> Result<Self, Error> {
        Self::registered().map_err(Error::fault)
    }

    fn registered() -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| IntGauge::new(format!("onbehalf_{name}"), help);
        let buckets = |name: &str, help: &str, buckets: &[f64]| {
            let options = HistogramOpts::new(format!("onbehalf_{name}"), help);
            Histogram::with_opts(options.buckets(buckets.to_vec()))
        };
        let inner = Inner {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new("onbehalf_requests_total", "Requests, by method, route and status."),
                &["method", "route", "status"],
            )?,
            durations: buckets("request_seconds", "How long a request took.", &DURATIONS)?,
            attempts: IntCounterVec::new(
                Opts::new(
                    "onbehalf_delivery_attempts_total",
                    "Delivery attempts, by kind of notification and by outcome (`taken`, or a failure code).",
                ),
                &["kind", "outcome"],
            )?,
            lag: buckets("delivery_lag_seconds", "From an event until its consumer had taken it.", &LAGS)?,
            statements: IntCounter::new(
                "onbehalf_sql_statements_total",
                "SQL statements sent to the database, those that begin and end transactions among them.",
            )?,
            long_writes: IntCounter::new(
                "onbehalf_long_writes_total",
                "Writes that held the database for longer than two seconds: a fault of the service.",
            )?,
            waiting: gauge("events_waiting", "Events that have no number in any subscription yet.")?,
            waiting_seconds: gauge("events_waiting_seconds", "For how long the first of them has waited.")?,
            unsent: gauge(
                "events_unsent",
                "Events that the consumers of active subscriptions have not taken.",
            )?,
            unsent_seconds: gauge("events_unsent_seconds", "For how long the first of them has waited.")?,
            leases: gauge("delivery_leases", "Subscriptions that some process is sending to.")?,
        };
        inner.registry.register(Box::new(inner.requests.clone()))?;
        inner.registry.register(Box::new(inner.durations.clone()))?;
        inner.registry.register(Box::new(inner.attempts.clone()))?;
        inner.registry.register(Box::new(inner.lag.clone()))?;
        inner.registry.register(Box::new(inner.statements.clone()))?;
        inner.registry.register(Box::new(inner.long_writes.clone()))?;
        for gauge in
            [&inner.waiting, &inner.waiting_seconds, &inner.unsent, &inner.unsent_seconds, &inner.leases]
        {
            inner.registry.register(Box::new(gauge.clone()))?;
        }
        Ok(Self(Arc::new(inner)))
    }

    /// Counts a request. `route` is the pattern of the route, never the path.
    pub fn count_request(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        self.0.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.0.durations.observe(seconds);
    }

    /// Counts an attempt to tell a consumer.
    pub fn count_attempt(&self, kind: &'static str, outcome: &'static str) {
        self.0.attempts.with_label_values(&[kind, outcome]).inc();
    }

    /// Notes how long an event was on its way, in milliseconds.
    pub fn observe_lag(&self, millis: i64) {
        let millis = u32::try_from(millis.max(0)).unwrap_or(u32::MAX);
        self.0.lag.observe(f64::from(millis) / 1000.0);
    }

    /// Notes how many writes have held the database for too long since the start.
    pub fn note_long_writes(&self, total: u64) {
        self.0.long_writes.inc_by(total.saturating_sub(self.0.long_writes.get()));
    }

    /// All of it in Prometheus's text format. `statements` were sent to the database since the start.
    ///
    /// # Errors
    ///
    /// When it cannot be written: never.
    pub fn render(&self, queues: Queues, statements: u64) -> Result<Vec<u8>, Error> {
        self.0.statements.inc_by(statements.saturating_sub(self.0.statements.get()));
        self.0.waiting.set(queues.waiting);
        self.0.waiting_seconds.set(queues.waiting_seconds);
        self.0.unsent.set(queues.unsent);
        self.0.unsent_seconds.set(queues.unsent_seconds);
        self.0.leases.set(queues.leases);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text).map_err(Error::fault)?;
        Ok(text)
    }
}
