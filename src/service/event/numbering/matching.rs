//! Matching of events with subscriptions, and the API that evaluates them.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use uuid::Uuid;

use crate::access;
use crate::access::NotLive;
use crate::event::numbering::facts::EventWithFacts;
use crate::event::renderer::NotificationRenderer;
use base::clock::Clock;
use base::error::{Error, ErrorKind};
use domain::account::Principal;
use domain::event::{Event, Facts, Subscription, Topic, owner_key};
use domain::person::NhsNumber;
use store::Tx;

/// The most events of one transaction.
pub const MOST: i64 = 500;

/// Up to this many waiting events are distinguished from later ones.
pub(super) const MOST_WAITING: i64 = 4 * MOST;

/// Whether the grants of owners were revoked, by grant and owner.
pub(super) type Grants = HashMap<(Option<Uuid>, String), bool>;

/// Why events could not be numbered.
#[derive(Debug)]
pub enum NumberingError {
    /// The API fails for this subscription: it must be quarantined, then numbering continues.
    Subscription(Uuid, Error),
    /// The API must evaluate a subscription first, in a read ([`judge`](super::authorization::authorize_waiting_events)).
    Unauthorized,
    /// The database failed.
    Store(Error),
}

impl From<Error> for NumberingError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// The people whom events name, each once.
pub(super) fn people_of(events: &[Event]) -> Vec<NhsNumber> {
    let mut people: Vec<NhsNumber> = events.iter().flat_map(|event| [event.patient, event.proxy]).collect();
    people.sort_unstable();
    people.dedup();
    people
}

/// The events that match a subscription, as far as its API is not needed.
pub(super) fn matching_events<'e>(
    subscription: &Subscription,
    events_with_facts: &[EventWithFacts<'e>],
    pre_subscription: &HashSet<(Uuid, Uuid)>,
    masks_reasons: bool,
) -> Vec<&'e Event> {
    let is_new = |event: &Event| !pre_subscription.contains(&(event.id, subscription.id));
    let matching = events_with_facts
        .iter()
        .filter(|one| matches_event(subscription, one, masks_reasons) && is_new(one.event));
    matching.map(|one| one.event).collect()
}

/// Whether the owner's grant was revoked. Then the delivery worker must end the subscription (N-34). Each
/// grant is looked up once.
pub(super) fn has_lapsed(
    tx: &mut Tx<'_>,
    subscription: &Subscription,
    clock: &dyn Clock,
    known: &mut Grants,
) -> Result<bool, Error> {
    let owner = &subscription.owner;
    let key = (owner.grant, owner_key(owner));
    if let Some(has_lapsed) = known.get(&key) {
        return Ok(*has_lapsed);
    }
    let has_lapsed = match access::check_granted(tx, owner, clock.now()) {
        Ok(()) => false,
        Err(NotLive::Lapsed(_)) => true,
        Err(NotLive::Store(error)) => return Err(error),
    };
    known.insert(key, has_lapsed);
    Ok(has_lapsed)
}

/// Calls the API. A panic over one subscription must not stop the numbering for all.
pub(super) fn ask(
    tx: &mut Tx<'_>,
    renderer: &dyn NotificationRenderer,
    subscription: &Subscription,
    matching: &[&Event],
) -> Result<Vec<bool>, NumberingError> {
    let events: Vec<Event> = matching.iter().map(|event| (*event).clone()).collect();
    let asked = catch_unwind(AssertUnwindSafe(|| renderer.authorize_events(tx, subscription, &events)));
    match asked.unwrap_or_else(|_panic| Err(Error::fault("the authorization of events panicked"))) {
        Ok(may) => Ok(may),
        Err(error) if error.kind() == ErrorKind::Busy => Err(NumberingError::Store(error)),
        Err(error) => Err(NumberingError::Subscription(subscription.id, error)),
    }
}

/// Whether an event matches a subscription. Filters may match before it or after it: a subscriber who follows
/// the active roles must learn that one is no longer active (N-23).
fn matches_event(
    subscription: &Subscription,
    events_with_facts: &EventWithFacts<'_>,
    masks_reasons: bool,
) -> bool {
    let EventWithFacts { event, before, after, is_visible } = events_with_facts;
    let principal = &subscription.owner.principal;
    let holds = |facts: &Facts| {
        let known = facts.clone().known_to(principal, masks_reasons);
        subscription.filters.iter().all(|filter| filter.matches(&known))
    };
    // Applicants receive events of their own request whatever the standing of the other person, as they can
    // read it.
    let is_own =
        matches!(principal, Principal::Citizen { nhs_number, .. } if after.applicant == Some(*nhs_number));
    // The topic `role deleted` is for subscribers who could see the role until now.
    (*is_visible || is_own || event.topic == Topic::RoleDeleted)
        && subscription.topics.contains(&event.topic)
        && (holds(after) || before.as_ref().is_some_and(holds))
        && concerns(principal, event)
}

/// Whether an event is about people whose data this caller reaches.
fn concerns(principal: &Principal, event: &Event) -> bool {
    access::decide_parties(principal, &[event.patient, event.proxy]).is_ok()
}
