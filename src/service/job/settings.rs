//! `[jobs]` and `[smtp]`: scheduled jobs and e-mail.

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
    /// `None` where unused roles stay active.
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

/// The security of the connection to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// It must be upgraded to TLS before any command (RFC 3207).
    StartTls,
    /// It is TLS from the first byte (RFC 8314).
    Wrapped,
    /// No TLS: for a server on localhost.
    None,
}
