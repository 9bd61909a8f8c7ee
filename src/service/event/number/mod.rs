//! Assigns events their numbers in every subscription that they match.
//!
//! One transaction at a time does this, so that numbers have no gap and no duplicate. Its cost depends on the
//! events of the batch and on the subscriptions that may match them: those about all people, and those about
//! the people whom the events name.

mod happened;
mod hearing;
pub mod judge;

use std::collections::HashSet;

use crate::event::front::Front;
use base::clock::Clock;
use domain::event::{Event, Subscription};
use domain::person::NhsNumber;
use happened::happened;
pub use hearing::{MOST, Unnumbered};
use hearing::{MOST_SEEN, ask, has_lapsed, heard_by, people_of};
pub use judge::{Judged, judge};
use store::Tx;

/// Numbers the events that have no number yet, [`MOST`] at most, and returns how many they were. The number
/// of statements does not depend on that of the subscriptions, except for the grants of their owners, and for
/// subscriptions that `judged` does not cover: it was made in a read before ([`judge`](judge::judge)), so
/// that what the API must evaluate, such as the search of a classic subscription, does not block other
/// writers.
///
/// Between that read and this transaction anything may have changed. A later event waits for the next run.
/// Events about people of a later event, or for a subscription whose question has changed, are evaluated
/// again here; that the subscription is unchanged and that people may appear is checked here. A grant revoked
/// in between ends the subscription before anything is sent: the delivery worker checks it each time.
///
/// # Errors
///
/// [`Unnumbered`]; then nothing has changed.
pub fn number(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    front: &dyn Front,
    judged: &Judged,
) -> Result<usize, Unnumbered> {
    tx.lock_numbering()?;
    let waiting = tx.list_waiting_events(if judged.is_made() { MOST_SEEN } else { MOST })?;
    let (events, changed) = judged.split(waiting);
    if events.is_empty() {
        return Ok(0);
    }
    let people = people_of(&events);
    let (subscriptions, unreadable) = tx.list_listening_subscriptions(&people)?;
    for id in unreadable {
        if tx.set_subscription_aside(&id, UNREADABLE, clock.now())? {
            tracing::error!(subscription = %id, "subscription quarantined: it cannot be read");
        }
    }
    if !subscriptions.is_empty() {
        let happened = happened(tx, &events, &people)?;
        let unheard = tx.list_unheard(&events)?;
        let (mut all, mut lapsed) = (Vec::new(), Vec::new());
        let mut grants = judged.grants().clone();
        for subscription in &subscriptions {
            let heard = heard_by(subscription, &happened, &unheard, front.masks_reasons());
            if !heard.is_empty() && has_lapsed(tx, subscription, clock, &mut grants)? {
                lapsed.push(subscription.id);
                continue;
            }
            let heard = narrowed(tx, front, subscription, heard, (judged, &changed))?;
            if !heard.is_empty() {
                all.push((subscription, heard));
            }
        }
        if !all.is_empty() {
            tx.append_events(&all, clock.now())?;
        }
        if !lapsed.is_empty() {
            tx.make_due(&lapsed, clock.now())?;
        }
    }
    tx.mark_numbered(&events)?;
    tx.forget_unheard()?;
    Ok(events.len())
}

/// The error text of a subscription that can no longer be read.
pub const UNREADABLE: &str = "this subscription can no longer be read: send the subscription again";

/// The events of these that the API lets the owner receive, where it must be called.
fn narrowed<'e>(
    tx: &mut Tx<'_>,
    front: &dyn Front,
    subscription: &Subscription,
    heard: Vec<&'e Event>,
    (judged, changed): (&Judged, &HashSet<NhsNumber>),
) -> Result<Vec<&'e Event>, Unnumbered> {
    let Some(question) = front.question(subscription).filter(|_| !heard.is_empty()) else {
        return Ok(heard);
    };
    if !judged.is_made() {
        return Err(Unnumbered::Unjudged);
    }
    let may = match judged.verdicts(&question, &heard, changed) {
        Some(may) => may,
        None => ask(tx, front, subscription, &heard)?,
    };
    Ok(heard.into_iter().zip(may).filter(|(_, may)| *may).map(|(event, _)| event).collect())
}
