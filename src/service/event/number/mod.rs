//! Gives events their numbers in every subscription that they match.
//!
//! One transaction at a time does this, so that numbers have no gap and no duplicate. Its cost depends on the
//! events of the batch and on the subscriptions that may match them: those about everybody, and those about the
//! people whom the events name.

mod happened;
pub mod judge;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use uuid::Uuid;

use crate::access;
use crate::access::NotLive;
use crate::event::front::Front;
use base::clock::Clock;
use base::error::{Error, Kind};
use domain::account::Who;
use domain::event::{Event, Facts, Subscription, Topic, owner_key};
use domain::person::NhsNumber;
use happened::{Happened, happened};
pub use judge::{Judged, judge};
use store::Tx;

/// The most events of one transaction.
pub const MOST: i64 = 500;
/// So many waiting events are told from those that came later.
const MOST_SEEN: i64 = 4 * MOST;

/// Whether what owners stand on was taken back, by grant and owner.
type Grants = HashMap<(Option<Uuid>, String), bool>;

/// Why events could not be numbered.
#[derive(Debug)]
pub enum Unnumbered {
    /// What the front says of this subscription, it says in vain: it is to be set aside, and then all goes on.
    Subscription(Uuid, Error),
    /// The front must be asked about a subscription: first, in a read ([`judge`](judge::judge)).
    Unjudged,
    /// The database does not answer.
    Store(Error),
}

impl From<Error> for Unnumbered {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Numbers the events that nobody was told of yet, [`MOST`] at most, and returns how many they were. The number
/// of statements does not depend on that of the subscriptions, but for the grants that their owners stand on, and for
/// those about which `judged` does not tell: it was made in a read before ([`judge`](judge::judge)), so that what the front must be
/// asked, such as the search of a classic subscription, is not asked while others wait to write.
///
/// Between that read and this transaction anything may have happened. An event that was not there yet waits for the next
/// time. What is about people of whom such an event tells, or for a subscription that asks something else by now, is
/// judged again here; that the subscription is as it was and that people may appear is looked at here. A grant that is
/// taken back in between ends the subscription before anything is sent: the delivery worker checks it each time.
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
            tracing::error!(subscription = %id, "a subscription cannot be read: it is set aside");
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

/// The people whom events name, each once.
fn people_of(events: &[Event]) -> Vec<NhsNumber> {
    let mut people: Vec<NhsNumber> = events.iter().flat_map(|event| [event.patient, event.proxy]).collect();
    people.sort_unstable();
    people.dedup();
    people
}

/// The events that a subscription is to be told of, as far as can be said without its front.
fn heard_by<'e>(
    subscription: &Subscription,
    happened: &[Happened<'e>],
    unheard: &HashSet<(Uuid, Uuid)>,
    masks_reasons: bool,
) -> Vec<&'e Event> {
    let is_new = |event: &Event| !unheard.contains(&(event.id, subscription.id));
    let heard = happened.iter().filter(|one| is_for(subscription, one, masks_reasons) && is_new(one.event));
    heard.map(|one| one.event).collect()
}

/// Whether what was granted to the owner was taken back. Then whoever delivers is to end the subscription (N-34). Each
/// grant is looked up once.
fn has_lapsed(
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

/// What the owner of a subscription is told that cannot be read any more.
pub const UNREADABLE: &str = "something in this subscription cannot be read any more: write it anew";

/// What of these events the front lets the owner hear, where it must be asked.
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

/// Asks the front. One that panics over one subscription must not end the numbering for all.
fn ask(
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

/// Whether a subscription is to be told of an event. Conditions may hold before it or after it: whoever follows
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
