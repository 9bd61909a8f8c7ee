//! `[jobs]` and `[smtp]`: what the service does by itself.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use figment::value::{Dict, Value};

use crate::config::reader::Reader;
use crate::proxy::{Deed, LegalBasis, Milestone, Milestones};

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

impl Jobs {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let enabled = reader.switch("jobs.enabled");
        let poll = reader.number("jobs.poll_seconds", 1..=3600);
        let lease = reader.number("jobs.lease_seconds", 30..=3600);
        let batch = reader.number("jobs.batch", 1..=10_000);
        let days = |reader: &mut Reader, key: &str| {
            let days = reader.numbers(key, 1..=3650)?;
            days.into_iter().map(|days| i32::try_from(days).ok()).collect::<Option<Vec<i32>>>()
        };
        let remind_before = days(reader, "jobs.remind_before_days");
        let remind_after = days(reader, "jobs.remind_after_days");
        let milestones = milestones(reader);
        let unused = reader.number("jobs.unused_after_days", 0..=36_500);
        let mut keep = |key: &str| reader.number(key, 1..=36_500).map(i64::from);
        let keep_grants_days = keep("jobs.keep_grants_days");
        let keep_messages_days = keep("jobs.keep_messages_days");
        let keep_events_days = keep("jobs.keep_events_days");
        let keep_notifications_days = keep("subscriptions.retention_days");
        Some(Self {
            enabled: enabled?,
            poll: Duration::from_secs(poll?.into()),
            lease: TimeDelta::seconds(lease?.into()),
            batch: batch?.into(),
            remind_before: remind_before?,
            remind_after: remind_after?,
            milestones: milestones?,
            unused_after_days: Some(i64::from(unused?)).filter(|days| *days > 0),
            keep_grants_days: keep_grants_days?,
            keep_messages_days: keep_messages_days?,
            keep_events_days: keep_events_days?,
            keep_notifications_days: keep_notifications_days?,
        })
    }
}

fn milestones(reader: &mut Reader) -> Option<Milestones> {
    let tables = reader.tables("jobs.milestones")?;
    let mut lines = Vec::new();
    for (number, table) in (1..).zip(&tables) {
        match milestone(table) {
            Ok(line) => lines.extend(line),
            Err(fault) => reader.fault(&format!("jobs.milestones, table {number}"), fault),
        }
    }
    Some(Milestones(lines))
}

/// One line; `None` where nothing is to be done.
fn milestone(table: &Dict) -> Result<Option<Milestone>, &'static str> {
    if table.keys().any(|key| !["age", "legal_basis", "action"].contains(&key.as_str())) {
        return Err("knows only age, legal_basis and action");
    }
    let age = match table.get("age") {
        Some(Value::Num(_, age)) => age.to_i128().or(age.to_u128().and_then(|age| i128::try_from(age).ok())),
        _ => None,
    };
    let age = age.and_then(|age| i32::try_from(age).ok()).filter(|age| (1..=120).contains(age));
    let age = age.ok_or("age must be a whole number from 1 to 120")?;
    let legal_basis = match table.get("legal_basis") {
        None => None,
        Some(basis) => {
            let basis = basis.as_str().and_then(LegalBasis::parse);
            Some(basis.ok_or("legal_basis must be the code of a legal basis")?)
        }
    };
    match table.get("action").and_then(Value::as_str) {
        Some("review") => Ok(Some(Milestone { age, legal_basis, deed: Deed::Review })),
        Some("end") => Ok(Some(Milestone { age, legal_basis, deed: Deed::End })),
        Some("nothing") => Ok(None),
        _ => Err("action must be \"review\", \"end\" or \"nothing\""),
    }
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

impl Smtp {
    /// `Some(None)` where there is no mail server.
    #[expect(clippy::option_option, reason = "the outer one says whether the settings are right")]
    pub(crate) fn read(reader: &mut Reader) -> Option<Option<Self>> {
        let host = reader.text("smtp.host");
        let port = reader.number("smtp.port", 1..=65_535);
        let tls = [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Wrapped), ("none", SmtpTls::None)];
        let tls = reader.choice("smtp.tls", &tls);
        let username = reader.text("smtp.username");
        let password_file = reader.text("smtp.password_file");
        let from = reader.text("smtp.from");
        let (host, tls, from) = (host?, tls?, from?);
        if host.is_empty() {
            return Some(None);
        }
        if tls == SmtpTls::None && !["localhost", "127.0.0.1", "::1"].contains(&host.as_str()) {
            reader.fault("smtp.tls", "\"none\" is for a server on this machine: 127.0.0.1, ::1 or localhost");
        }
        if from.is_empty() {
            reader.fault("smtp.from", "must say from whom messages come");
        }
        let port = u16::try_from(port?).ok()?;
        Some(Some(Self { host, port, tls, username: username?, password_file: password_file?.into(), from }))
    }
}
