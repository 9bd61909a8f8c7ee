//! Gives events their numbers in every subscription that they match.
//!
//! One transaction at a time does this, so that numbers have no gap and no duplicate. Its cost depends on the
//! events of the batch and on the subscriptions that may match them: those about everybody, and those about the
//! people whom the events name.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use uuid::Uuid;

use crate::account::access::NotLive;
use crate::account::{Who, access};
use crate::clock::Clock;
use crate::error::{Error, Kind};
use crate::event::filter::ReasonOfRole;
use crate::event::{Event, Facts, Front, Subscription, Topic};
use crate::person::NhsNumber;
use crate::proxy::OdsCode;
use crate::store::Tx;

/// The most events of one transaction.
pub const MOST: i64 = 500;

/// Why events could not be numbered.
#[derive(Debug)]
pub enum Unnumbered {
    /// What the front says of this subscription, it says in vain: it is to be set aside, and then all goes on.
    Subscription(Uuid, Error),
    /// The database does not answer.
    Store(Error),
}

impl From<Error> for Unnumbered {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Numbers the events that nobody was told of yet, [`MOST`] at most, and returns how many they were. The number
/// of statements does not depend on that of the subscriptions, but for those of which the front must be asked.
///
/// # Errors
///
/// [`Unnumbered`]; then nothing has changed.
pub fn number(tx: &mut Tx<'_>, clock: &dyn Clock, front: &dyn Front) -> Result<usize, Unnumbered> {
    tx.lock_numbering()?;
    let events = tx.list_waiting_events(MOST)?;
    if events.is_empty() {
        return Ok(0);
    }
    let mut people: Vec<NhsNumber> = events.iter().flat_map(|event| [event.patient, event.proxy]).collect();
    people.sort_unstable();
    people.dedup();
    let (subscriptions, unreadable) = tx.list_listening_subscriptions(&people)?;
    for id in unreadable {
        if tx.set_subscription_aside(&id, UNREADABLE, clock.now())? {
            tracing::error!(subscription = %id, "a subscription cannot be read: it is set aside");
        }
    }
    if !subscriptions.is_empty() {
        let happened = happened(tx, &events, &people)?;
        let unheard = tx.list_unheard(&events)?;
        let masks_reasons = front.masks_reasons();
        let (mut all, mut lapsed) = (Vec::new(), Vec::new());
        for subscription in &subscriptions {
            let is_new = |event: &Event| !unheard.contains(&(event.id, subscription.id));
            let heard =
                happened.iter().filter(|one| is_for(subscription, one, masks_reasons) && is_new(one.event));
            let heard: Vec<&Event> = heard.map(|one| one.event).collect();
            if !heard.is_empty() && has_lapsed(tx, subscription, clock)? {
                lapsed.push(subscription.id);
                continue;
            }
            let heard = narrowed(tx, front, subscription, heard)?;
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

/// Whether what was granted to the owner was taken back. Then whoever delivers is to end the subscription (N-34).
fn has_lapsed(tx: &mut Tx<'_>, subscription: &Subscription, clock: &dyn Clock) -> Result<bool, Error> {
    match access::check_granted(tx, &subscription.owner, clock.now()) {
        Ok(()) => Ok(false),
        Err(NotLive::Lapsed(_)) => Ok(true),
        Err(NotLive::Store(error)) => Err(error),
    }
}

/// What the owner of a subscription is told that cannot be read any more.
pub(super) const UNREADABLE: &str = "something in this subscription cannot be read any more: write it anew";

/// What of these events the front lets the owner hear, where it must be asked. A front that panics over one
/// subscription must not end the numbering for all.
fn narrowed<'e>(
    tx: &mut Tx<'_>,
    front: &dyn Front,
    subscription: &Subscription,
    heard: Vec<&'e Event>,
) -> Result<Vec<&'e Event>, Unnumbered> {
    if heard.is_empty() || !front.is_asked(subscription) {
        return Ok(heard);
    }
    let events: Vec<Event> = heard.iter().map(|event| (*event).clone()).collect();
    let asked = catch_unwind(AssertUnwindSafe(|| front.may_hear(tx, subscription, &events)));
    let may = match asked.unwrap_or_else(|_panic| Err(Error::fault("the front panicked"))) {
        Ok(may) => may,
        Err(error) if error.kind() == Kind::Busy => return Err(Unnumbered::Store(error)),
        Err(error) => return Err(Unnumbered::Subscription(subscription.id, error)),
    };
    Ok(heard.into_iter().zip(may).filter(|(_, may)| *may).map(|(event, _)| event).collect())
}

/// An event with how things stood before and after it.
struct Happened<'e> {
    event: &'e Event,
    before: Option<Facts>,
    after: Facts,
    /// Whether both of its people may appear in an answer.
    is_visible: bool,
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
    // An applicant hears of their own request whoever the other is, as they read it.
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

/// The facts of events: one statement for each kind of subject, one for the practices.
fn happened<'e>(
    tx: &mut Tx<'_>,
    events: &'e [Event],
    people: &[NhsNumber],
) -> Result<Vec<Happened<'e>>, Error> {
    let practices: HashMap<NhsNumber, Option<OdsCode>> =
        tx.list_current_practices(people)?.into_iter().collect();
    let mut versions = HashMap::new();
    for (id, version, facts) in list_facts(tx, events)? {
        versions.insert((id, version), facts);
    }
    let of = |event: &Event, version: i64| {
        let (_, id) = event.subject_parts();
        let facts: Option<&Facts> = versions.get(&(id.to_owned(), version));
        facts.map(|facts| Facts {
            patient_practice: practices.get(&facts.patient).cloned().flatten(),
            proxy_practice: practices.get(&facts.proxy).cloned().flatten(),
            ..facts.clone()
        })
    };
    let all = events.iter().map(|event| Happened {
        event,
        before: of(event, event.subject_version - 1),
        after: of(event, event.subject_version).unwrap_or_else(|| Facts {
            patient_practice: practices.get(&event.patient).cloned().flatten(),
            proxy_practice: practices.get(&event.proxy).cloned().flatten(),
            ..Facts::of(event.patient, event.proxy)
        }),
        is_visible: [event.patient, event.proxy].iter().all(|number| practices.contains_key(number)),
    });
    Ok(all.collect())
}

/// How the subjects of events stood in the versions before and after, by id and version.
fn list_facts(tx: &mut Tx<'_>, events: &[Event]) -> Result<Vec<(String, i64, Facts)>, Error> {
    let wanted = |kind: &str| -> Vec<(String, i64)> {
        let of_kind = events.iter().filter(|event| event.subject_parts().0 == kind);
        let both = of_kind.flat_map(|event| {
            let id = event.subject_parts().1;
            [(id.to_owned(), event.subject_version - 1), (id.to_owned(), event.subject_version)]
        });
        both.collect()
    };
    let mut all = Vec::new();
    let roles = wanted("Consent");
    if !roles.is_empty() {
        for role in tx.list_role_versions_by_id(&roles)? {
            let (id, version, role) = (role.value.id.to_string(), role.version, role.value);
            let facts = Facts {
                status: Some(role.status.as_str().to_owned()),
                status_reason: Some(ReasonOfRole { status: role.status, reason: role.reason }),
                legal_basis: Some(role.legal_basis.code().to_owned()),
                grantor: role.grantor,
                ..Facts::of(role.patient, role.proxy)
            };
            all.push((id, version, facts));
        }
    }
    let relationships = wanted("RelatedPerson");
    if !relationships.is_empty() {
        for found in tx.list_relationship_versions_by_id(&relationships)? {
            let status = if found.value.active { "active" } else { "inactive" };
            let facts = Facts::of(found.value.patient, found.value.proxy).with_status(status);
            all.push((found.value.id, found.version, facts));
        }
    }
    let requests = wanted("QuestionnaireResponse");
    if !requests.is_empty() {
        for found in tx.list_access_request_versions_by_id(&requests)? {
            let applicant = Some(found.value.applicant_number());
            let facts = Facts::of(found.value.patient, found.value.proxy).with_status(&found.value.status);
            let facts = Facts { applicant, ..facts };
            all.push((found.value.id.to_string(), found.version, facts));
        }
    }
    Ok(all)
}
