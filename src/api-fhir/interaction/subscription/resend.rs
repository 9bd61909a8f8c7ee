//! `$resend`: sends events again, with their numbers, that a subscriber has lost (N-16).

use chrono::{DateTime, Utc};

use super::input::{inputs, number, owned, wrong};
use crate::context::Context;
use crate::interaction::reply::Reply;
use crate::interaction::request::FhirRequest;
use crate::refusal::Refusal;
use base::date_time::FhirDateTime;
use domain::event::SubscriptionStatus;
use fhir::outcome::{Issue, IssueType, Severity, operation_outcome};
use service::event as command;
use store::Tx;

/// The events between two numbers, or two instants, all included.
pub(crate) fn resend(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let subscription = owned(tx, context, request)?.value;
    if subscription.status != SubscriptionStatus::Active {
        let message = "The subscription is not active: set its status to `requested` first.";
        return Err(Refusal::rule(message, "Subscription.status"));
    }
    let numbers = (number(request, "eventsSinceNumber")?, number(request, "eventsUntilNumber")?);
    let times = (instant(request, "eventsSinceInstant")?, instant(request, "eventsUntilInstant")?);
    if (numbers, times) == ((None, None), (None, None)) {
        let message = "Give a range of events: eventsSinceNumber, eventsUntilNumber, eventsSinceInstant, eventsUntilInstant.";
        return Err(wrong(message, "eventsSinceNumber"));
    }
    let kept = tx.find_numbers(subscription.id, times)?;
    let asked = kept.map(|(first, last)| {
        (numbers.0.map_or(first, |from| from.max(first)), numbers.1.map_or(last, |until| until.min(last)))
    });
    let message = match asked.filter(|(from, until)| from <= until) {
        Some((from, until)) => {
            command::resend(tx, &*context.clock, &subscription, (from, until))?;
            format!("Events {from} to {until} will be sent again.")
        }
        None => "These events do not exist, or are no longer kept.".to_owned(),
    };
    let issue = Issue { severity: Severity::Information, ..Issue::error(IssueType::Informational, message) };
    Ok(Reply::made(200, operation_outcome(&[issue])))
}

fn instant(request: &FhirRequest, name: &'static str) -> Result<Option<DateTime<Utc>>, Refusal> {
    let given = inputs(request, name)?;
    let Some(text) = given.first() else { return Ok(None) };
    let at = FhirDateTime::parse(&text.replace(' ', "+")).ok().filter(|at| !at.is_date() && given.len() == 1);
    let at = at.ok_or_else(|| wrong("Give one instant, such as 2026-11-22T09:00:00Z.", name))?;
    Ok(Some(at.earliest()))
}
