//! `$events`: the events of a subscription, again, as far back as they are kept (N-14).

use serde_json::Value;

use super::input::{inputs, number, owned, wrong};
use crate::context::Context;
use crate::interaction::reply::Reply;
use crate::interaction::request::FhirRequest;
use crate::notification::{NotificationEntry, StatusParameters, history, notified};
use crate::refusal::Refusal;
use domain::event::{PayloadContent, Style};
use fhir::outcome::{Issue, IssueType, operation_outcome};
use store::Tx;

/// The most events of one response.
const MOST: usize = 1000;

/// The events from one number to another, both included, each as its owner may read it now. Events that are
/// no longer kept, or are too many for one response, are reported as a warning in the first entry's outcome.
pub(crate) fn events(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let subscription = owned(tx, context, request)?.value;
    let from = number(request, "eventsSinceNumber")?.unwrap_or(1).max(1);
    let until = number(request, "eventsUntilNumber")?.unwrap_or(i64::MAX);
    if until < from {
        return Err(wrong("eventsUntilNumber is less than eventsSinceNumber.", "eventsUntilNumber"));
    }
    let asked = match inputs(request, "content")?.first() {
        Some(text) => {
            let message = "content must be empty, id-only or full-resource.";
            PayloadContent::parse(text).ok_or_else(|| wrong(message, "content"))?
        }
        None if subscription.style == Style::Backport => subscription.channel.content,
        None => PayloadContent::IdOnly,
    };
    let last = tx.find_delivery(subscription.id)?.map_or(0, |delivery| delivery.last_number);
    let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
    let numbered = tx.list_events_of(subscription.id, from, until, limit)?;
    let mut issues = Vec::new();
    let expected = from.min(last + 1);
    let first = numbered.first().map_or_else(|| until.min(last) + 1, |first| first.number);
    if first > expected {
        let message = format!("Events {expected} to {} are no longer kept.", first - 1);
        issues.push(Issue::error(IssueType::Incomplete, message).as_warning());
    }
    if let (Some(newest), true) = (numbered.last(), numbered.len() == MOST) {
        let message =
            format!("There are more events: continue with eventsSinceNumber={}.", newest.number + 1);
        issues.push(Issue::error(IssueType::Incomplete, message).as_warning());
    }
    let notified = notified(tx, context, &numbered, asked)?;
    let disclosed = notified.iter().filter_map(NotificationEntry::disclosed).collect();
    let head = StatusParameters {
        subscription: &subscription,
        status: subscription.status,
        kind: "query-event",
        events_since_start: last,
        at: context.now(),
        content: asked,
        id: format!("events-{from}-{until}"),
    };
    let mut bundle = history(context, &head, &notified);
    if let (false, Some(Value::Object(response))) =
        (issues.is_empty(), bundle.pointer_mut("/entry/0/response"))
    {
        response.insert("outcome".to_owned(), operation_outcome(&issues));
    }
    Ok(Reply::made_of(disclosed, bundle))
}
