//! `[jobs]` and `[smtp]`: what the service does by itself.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use domain::proxy::Milestones;

/// `[jobs]`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct Jobs {
    pub enabled: bool,
    pub poll: Duration,
    pub lease: TimeDelta,
    pub batch: i64,
    pub remind_before: Vec<i32>,
    pub remind_after: Vec<i32>,
    pub milestones: Milestones,
    /// `None` where no role becomes inactive for want of use.
    pub unused_after_days: Option<i64>,
    pub keep_grants_days: i64,
    pub keep_messages_days: i64,
    pub keep_events_days: i64,
    /// `subscriptions.retention_days`.
    pub keep_notifications_days: i64,
}

/// `[smtp]`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub username: String,
    pub password_file: PathBuf,
    pub from: String,
}

/// How the connection to a mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// It must become TLS before anything is said (RFC 3207).
    StartTls,
    /// It is TLS from the first byte (RFC 8314).
    Wrapped,
    /// Not at all: for a server on this machine.
    None,
}
