//! Which events a subscription is to be told of, and the front that is asked about them.

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

/// So many waiting events are told from those that came later.
pub(super) const MOST_SEEN: i64 = 4 * MOST;

/// Whether what owners stand on was taken back, by grant and owner.
pub(super) type Grants = HashMap<(Option<Uuid>, String), bool>;

/// Why events could not be numbered.
#[derive(Debug)]
pub enum Unnumbered {
    /// What the front says of this subscription, it says in vain: it is to be set aside, and then all goes on.
    Subscription(Uuid, Error),
    /// The front must be asked about a subscription: first, in a read ([`judge`](super::judge::judge)).
    Unjudged,
    /// The database does not answer.
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

/// The events that a subscription is to be told of, as far as can be said without its front.
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

/// Whether what was granted to the owner was taken back. Then the delivery worker is to end the subscription (N-34). Each
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

/// Asks the front. One that panics over one subscription must not end the numbering for all.
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

/// Whether a subscription is to be told of an event. Conditions may hold before it or after it: a subscriber who follows
/// the active roles must hear that one is active no more (N-23).
fn is_for(subscription: &Subscription, happened: &Happened<'_>, masks_reasons: bool) -> bool {
    let Happened { event, before, after, is_visible } = happened;
    let who = &subscription.owner.who;
    let holds = |facts: &Facts| {
        let known = facts.clone().known_to(who, masks_reasons);
        subscription.filters.iter().all(|filter| filter.matches(&known))
    };
    // An applicant hears of their own request whatever the standing of the other person, as they read it.
    let is_own = matches!(who, Who::Citizen { nhs_number, .. } if after.applicant == Some(*nhs_number));
    // What may not appear any more is told to those who could see it: that is what the topic is for.
    (*is_visible || is_own || event.topic == Topic::RoleDeleted)
        && subscription.topics.contains(&event.topic)
        && (holds(after) || before.as_ref().is_some_and(holds))
        && concerns(who, event)
}

/// Whether an event is about people whose data this caller reaches.
fn concerns(who: &Who, event: &Event) -> bool {
    access::decide_parties(who, &[event.patient, event.proxy]).is_ok()
}
