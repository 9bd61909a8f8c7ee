//! Matching of events with subscriptions, and the API that evaluates them.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use uuid::Uuid;

use crate::access;
use crate::access::NotLive;
use crate::event::front::Front;
use crate::event::number::happened::Happened;
use base::clock::Clock;
use base::error::{Error, Kind};
use domain::account::Who;
use domain::event::{Event, Facts, Subscription, Topic, owner_key};
use domain::person::NhsNumber;
use store::Tx;

/// The most events of one transaction.
pub const MOST: i64 = 500;

/// Up to this many waiting events are distinguished from later ones.
pub(super) const MOST_SEEN: i64 = 4 * MOST;

/// Whether the grants of owners were revoked, by grant and owner.
pub(super) type Grants = HashMap<(Option<Uuid>, String), bool>;

/// Why events could not be numbered.
#[derive(Debug)]
pub enum Unnumbered {
    /// The API fails for this subscription: it must be quarantined, then numbering continues.
    Subscription(Uuid, Error),
    /// The API must evaluate a subscription first, in a read ([`judge`](super::judge::judge)).
    Unjudged,
    /// The database failed.
    Store(Error),
}

impl From<Error> for Unnumbered {
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
pub(super) fn heard_by<'e>(
    subscription: &Subscription,
    happened: &[Happened<'e>],
    unheard: &HashSet<(Uuid, Uuid)>,
    masks_reasons: bool,
) -> Vec<&'e Event> {
    let is_new = |event: &Event| !unheard.contains(&(event.id, subscription.id));
    let heard = happened.iter().filter(|one| is_for(subscription, one, masks_reasons) && is_new(one.event));
    heard.map(|one| one.event).collect()
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
    front: &dyn Front,
    subscription: &Subscription,
    heard: &[&Event],
) -> Result<Vec<bool>, Unnumbered> {
    let events: Vec<Event> = heard.iter().map(|event| (*event).clone()).collect();
    let asked = catch_unwind(AssertUnwindSafe(|| front.may_hear(tx, subscription, &events)));
    match asked.unwrap_or_else(|_panic| Err(Error::fault("the front panicked"))) {
        Ok(may) => Ok(may),
        Err(error) if error.kind() == Kind::Busy => Err(Unnumbered::Store(error)),
        Err(error) => Err(Unnumbered::Subscription(subscription.id, error)),
    }
}

/// Whether an event matches a subscription. Filters may match before it or after it: a subscriber who follows
/// the active roles must learn that one is no longer active (N-23).
fn is_for(subscription: &Subscription, happened: &Happened<'_>, masks_reasons: bool) -> bool {
    let Happened { event, before, after, is_visible } = happened;
    let who = &subscription.owner.who;
    let holds = |facts: &Facts| {
        let known = facts.clone().known_to(who, masks_reasons);
        subscription.filters.iter().all(|filter| filter.matches(&known))
    };
    // Applicants receive events of their own request whatever the standing of the other person, as they can
    // read it.
    let is_own = matches!(who, Who::Citizen { nhs_number, .. } if after.applicant == Some(*nhs_number));
    // The topic `role deleted` is for subscribers who could see the role until now.
    (*is_visible || is_own || event.topic == Topic::RoleDeleted)
        && subscription.topics.contains(&event.topic)
        && (holds(after) || before.as_ref().is_some_and(holds))
        && concerns(who, event)
}

/// Whether an event is about people whose data this caller reaches.
fn concerns(who: &Who, event: &Event) -> bool {
    access::decide_parties(who, &[event.patient, event.proxy]).is_ok()
}
