//! `onbehalf subscriptions`: the subscriptions and their deliveries.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::verb::database::open_migrated_store;
use crate::verb::failure::{CommandFailure, say};
use crate::verb::output::Output;
use base::clock::{Clock as _, SystemClock};
use base::date_time::render_instant;
use base::error::Error;
use config::Sources;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::{Subscription, SubscriptionStatus};
use domain::proxy::Versioned;
use store::{AttemptRecord, Overview, Store};

/// The rows of one query.
const PAGE: i64 = 500;
/// How many attempts are shown.
const ATTEMPTS: i64 = 50;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SubscriptionsCommand {
    /// Show this subscription, with its last attempts
    id: Option<Uuid>,
    #[command(subcommand)]
    act: Option<SubscriptionAction>,
    #[command(flatten)]
    output: Output,
}

#[derive(Subcommand)]
enum SubscriptionAction {
    /// Switch a subscription off: no event is numbered or sent for it until its owner requests it again
    Off {
        /// The id of the subscription
        id: Uuid,
    },
}

pub(super) fn subscriptions(sources: &Sources, command: SubscriptionsCommand) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    let store = open_migrated_store(&config)?;
    match (command.id, command.act) {
        (_, Some(SubscriptionAction::Off { id })) => switch_off(&store, id),
        (Some(id), None) => show(&store, id, command.output),
        (None, None) => list(&store, command.output),
    }
}

fn list(store: &Store, output: Output) -> Result<(), CommandFailure> {
    let mut all = Vec::new();
    if !output.json {
        say("id\towner\tchannel\tstatus\tunsent\tlag\tlast success\tnext try\tlast error");
    }
    let mut after = None;
    loop {
        let page = store.read_here::<_, Error, _>(|tx| tx.list_overview(after.as_deref(), PAGE))?;
        for overview in &page {
            if output.json {
                all.push(document(overview, None));
            } else {
                say(&line(overview, SystemClock.now()));
            }
        }
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
    }
    if output.json {
        say(&Value::Array(all).to_string());
    }
    Ok(())
}

/// A subscription as JSON, with the fields of [`line`]; absent ones are null.
fn document(overview: &Overview, attempts: Option<&[AttemptRecord]>) -> Value {
    let instant = |at: Option<DateTime<Utc>>| at.map(render_instant);
    json!({
        "id": overview.id,
        "owner": overview.owner_kind.unwrap_or("unreadable"),
        "channel": overview.channel,
        "status": overview.status,
        "error": overview.error,
        "unsent": overview.unsent,
        "unsentSince": instant(overview.unsent_since),
        "succeededAt": instant(overview.succeeded_at),
        "dueAt": instant(overview.due_at),
        "lastError": overview.last_error,
        "attempts": attempts.map(|attempts| attempts.iter().map(document_of).collect::<Vec<_>>()),
    })
}

/// A subscription as one line. Of its owner only the kind is shown, and no endpoint, which may contain a
/// secret.
fn line(overview: &Overview, now: DateTime<Utc>) -> String {
    let instant = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".to_owned(), render_instant);
    let lag = overview
        .unsent_since
        .map_or_else(|| "-".to_owned(), |since| format!("{}s", (now - since).num_seconds()));
    [
        overview.id.clone(),
        overview.owner_kind.unwrap_or("unreadable").to_owned(),
        overview.channel.clone(),
        overview.status.clone(),
        overview.unsent.to_string(),
        lag,
        instant(overview.succeeded_at),
        instant(overview.due_at),
        overview.last_error.clone().unwrap_or_else(|| "-".to_owned()),
    ]
    .join("\t")
}

fn show(store: &Store, id: Uuid, output: Output) -> Result<(), CommandFailure> {
    let (overview, attempts) =
        store.read_here::<_, Error, _>(|tx| Ok((tx.find_overview(id)?, tx.list_attempts(id, ATTEMPTS)?)))?;
    let overview = overview.ok_or_else(|| unknown(id))?;
    let lines = || {
        let error = overview.error.as_ref().map(|error| format!("error: {error}"));
        [line(&overview, SystemClock.now())]
            .into_iter()
            .chain(error)
            .chain(attempts.iter().map(describe_attempt))
            .collect()
    };
    output.print(|| document(&overview, Some(&attempts)), lines);
    Ok(())
}

/// An attempt as JSON.
fn document_of(attempt: &AttemptRecord) -> Value {
    json!({
        "at": render_instant(attempt.at),
        "kind": attempt.kind,
        "firstNumber": attempt.first_number,
        "lastNumber": attempt.last_number,
        "isTaken": attempt.is_taken,
        "failure": attempt.failure,
        "status": attempt.status,
        "durationMs": attempt.duration_ms,
        "answer": attempt.answer,
    })
}

fn describe_attempt(attempt: &AttemptRecord) -> String {
    let AttemptRecord { at, kind, first_number, last_number, failure, status, duration_ms, answer, .. } =
        attempt;
    let numbers = first_number.zip(*last_number).map(|(first, last)| format!(" {first}-{last}"));
    let outcome = failure.as_deref().unwrap_or("taken");
    let status = status.map(|status| format!(" HTTP {status}")).unwrap_or_default();
    let answer = answer.as_deref().map(|answer| format!("\n    {}", answer.replace('\n', "\n    ")));
    format!(
        "{} {kind}{}: {outcome}{status}, {duration_ms} ms{}",
        render_instant(*at),
        numbers.unwrap_or_default(),
        answer.unwrap_or_default()
    )
}

fn switch_off(store: &Store, id: Uuid) -> Result<(), CommandFailure> {
    let now = SystemClock.now();
    let switched = store.write_here::<_, Error, _>(|tx| {
        let Some(Versioned { value, version, .. }) =
            tx.find_subscription(id)?.filter(|found| !found.value.is_deleted)
        else {
            return Ok(false);
        };
        if value.status == SubscriptionStatus::Off {
            return Ok(true);
        }
        let off = Subscription {
            status: SubscriptionStatus::Off,
            error: Some("switched off by the operator".to_owned()),
            ..value
        };
        let off = tx.save_subscription(off, version, now)?;
        tx.restart_delivery(id, None)?;
        let reference = format!("Subscription/{id}");
        tx.record_own(Act::SubscriptionChanged, &Caller::SERVICE, &reference, off.version, now);
        Ok(true)
    })?;
    if !switched {
        return Err(unknown(id));
    }
    say(&format!("subscription {id} is off"));
    Ok(())
}

fn unknown(id: Uuid) -> CommandFailure {
    CommandFailure::Other(format!("unknown subscription {id}"))
}
