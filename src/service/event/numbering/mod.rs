//! Assigns events their numbers in every subscription that they match.
//!
//! One transaction at a time does this, so that numbers have no gap and no duplicate. Its cost depends on the
//! events of the batch and on the subscriptions that may match them: those about all people, and those about
//! the people whom the events name.

pub mod authorization;
mod facts;
mod matching;

use std::collections::HashSet;

use crate::event::renderer::NotificationRenderer;
pub use authorization::{EventAuthorizations, authorize_waiting_events};
use base::clock::Clock;
use domain::event::{Event, Subscription};
use domain::person::NhsNumber;
use facts::list_facts_of;
pub use matching::{MOST, NumberingError};
use matching::{MOST_WAITING, ask, has_lapsed, matching_events, people_of};
use store::Tx;

/// Numbers the events that have no number yet, [`MOST`] at most, and returns how many they were. The number
/// of statements does not depend on that of the subscriptions, except for the grants of their owners, and for
/// subscriptions that `authorizations` does not cover: it was made in a read before ([`judge`](authorization::authorize_waiting_events)), so
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
/// [`NumberingError`]; then nothing has changed.
pub fn assign_event_numbers(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    renderer: &dyn NotificationRenderer,
    authorizations: &EventAuthorizations,
) -> Result<usize, NumberingError> {
    tx.lock_numbering()?;
    let waiting = tx.list_waiting_events(if authorizations.is_made() { MOST_WAITING } else { MOST })?;
    let (events, changed) = authorizations.split(waiting);
    if events.is_empty() {
        return Ok(0);
    }
    let people = people_of(&events);
    let (subscriptions, unreadable) = tx.list_listening_subscriptions(&people)?;
    for id in unreadable {
        if tx.quarantine_subscription(&id, UNREADABLE, clock.now())? {
            tracing::error!(subscription = %id, "subscription quarantined: it cannot be read");
        }
    }
    if !subscriptions.is_empty() {
        let events_with_facts = list_facts_of(tx, &events, &people)?;
        let pre_subscription = tx.list_pre_subscription_events(&events)?;
        let (mut all, mut lapsed) = (Vec::new(), Vec::new());
        let mut grants = authorizations.grants().clone();
        for subscription in &subscriptions {
            let matching = matching_events(
                subscription,
                &events_with_facts,
                &pre_subscription,
                renderer.masks_reasons(),
            );
            if !matching.is_empty() && has_lapsed(tx, subscription, clock, &mut grants)? {
                lapsed.push(subscription.id);
                continue;
            }
            let matching =
                authorized_events(tx, renderer, subscription, matching, (authorizations, &changed))?;
            if !matching.is_empty() {
                all.push((subscription, matching));
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
    tx.delete_pre_subscription_events()?;
    Ok(events.len())
}

/// The error text of a subscription that can no longer be read.
pub const UNREADABLE: &str = "this subscription can no longer be read: send the subscription again";

/// The events of these that the API lets the owner receive, where it must be called.
fn authorized_events<'e>(
    tx: &mut Tx<'_>,
    renderer: &dyn NotificationRenderer,
    subscription: &Subscription,
    matching: Vec<&'e Event>,
    (authorizations, changed): (&EventAuthorizations, &HashSet<NhsNumber>),
) -> Result<Vec<&'e Event>, NumberingError> {
    let Some(authorization_key) = renderer.authorization_key(subscription).filter(|_| !matching.is_empty())
    else {
        return Ok(matching);
    };
    if !authorizations.is_made() {
        return Err(NumberingError::Unauthorized);
    }
    let may = match authorizations.verdicts(&authorization_key, &matching, changed) {
        Some(may) => may,
        None => ask(tx, renderer, subscription, &matching)?,
    };
    Ok(matching.into_iter().zip(may).filter(|(_, may)| *may).map(|(event, _)| event).collect())
}
