//! `[jobs]` and `[smtp]`: scheduled jobs and e-mail.

use std::time::Duration;

use chrono::TimeDelta;
use domain::proxy::{LegalBasis, Milestone, MilestoneAction, Milestones};
use figment::value::{Dict, Value};
use service::job::settings::{Jobs, Smtp, SmtpTls};

use crate::reader::Reader;

/// Reads `[jobs]`.
pub(crate) fn read(reader: &mut Reader) -> Option<Jobs> {
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
    Some(Jobs {
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

/// One line; `None` where it has no action.
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
        Some("review") => Ok(Some(Milestone { age, legal_basis, action: MilestoneAction::Review })),
        Some("end") => Ok(Some(Milestone { age, legal_basis, action: MilestoneAction::End })),
        Some("nothing") => Ok(None),
        _ => Err("action must be \"review\", \"end\" or \"nothing\""),
    }
}

/// Reads `[smtp]`. `Some(None)` where there is no mail server.
#[expect(clippy::option_option, reason = "the outer one says whether the settings are right")]
pub(crate) fn read_smtp(reader: &mut Reader) -> Option<Option<Smtp>> {
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
        reader.fault("smtp.from", "must be the sender's address");
    }
    let port = u16::try_from(port?).ok()?;
    Some(Some(Smtp { host, port, tls, username: username?, password_file: password_file?.into(), from }))
}
