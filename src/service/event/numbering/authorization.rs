//! The API's evaluation of waiting events, in a read before they are numbered.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::facts::list_facts_of;
use super::matching::{
    Grants, MOST, MOST_WAITING, NumberingError, ask, has_lapsed, matching_events, people_of,
};
use crate::event::renderer::NotificationRenderer;
use base::clock::Clock;
use domain::event::{Event, Subscription};
use domain::person::NhsNumber;
use store::Tx;

/// The evaluated events, with the API's answers.
#[derive(Debug, Default)]
pub struct EventAuthorizations {
    /// The events that were waiting; empty where nothing was evaluated.
    seen: HashSet<Uuid>,
    /// Those of them that are numbered next.
    next: HashSet<Uuid>,
    /// Whether these were all waiting events, so that any other is later.
    is_whole: bool,
    /// For each question ([`NotificationRenderer::authorization_key`]) and event, the answer.
    answers: HashMap<String, HashMap<Uuid, bool>>,
    /// For each owner's grant, whether it was revoked.
    grants: Grants,
}

/// Evaluates the events that are not yet numbered, for every subscription whose API must be called: once for
/// those with the same question. In a transaction that only reads.
///
/// # Errors
///
/// [`NumberingError`].
pub fn authorize_waiting_events(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    renderer: &dyn NotificationRenderer,
) -> Result<EventAuthorizations, NumberingError> {
    let mut events = tx.list_waiting_events(MOST_WAITING)?;
    let is_whole = i64::try_from(events.len()).unwrap_or(MOST_WAITING) < MOST_WAITING;
    let seen = events.iter().map(|event| event.id).collect();
    events.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    let next = events.iter().map(|event| event.id).collect();
    let mut authorizations =
        EventAuthorizations { seen, next, is_whole, answers: HashMap::new(), grants: Grants::new() };
    let people = people_of(&events);
    let (subscriptions, _unreadable) = tx.list_listening_subscriptions(&people)?;
    if events.is_empty() || subscriptions.is_empty() {
        return Ok(authorizations);
    }
    let events_with_facts = list_facts_of(tx, &events, &people)?;
    let pre_subscription = tx.list_pre_subscription_events(&events)?;
    let mut asked: HashMap<String, (&Subscription, Vec<&Event>, HashSet<Uuid>)> = HashMap::new();
    for subscription in &subscriptions {
        let matching =
            matching_events(subscription, &events_with_facts, &pre_subscription, renderer.masks_reasons());
        let Some(authorization_key) =
            renderer.authorization_key(subscription).filter(|_| !matching.is_empty())
        else {
            continue;
        };
        if has_lapsed(tx, subscription, clock, &mut authorizations.grants)? {
            continue;
        }
        let (_, all, known) =
            asked.entry(authorization_key).or_insert((subscription, Vec::new(), HashSet::new()));
        all.extend(matching.into_iter().filter(|event| known.insert(event.id)));
    }
    for (authorization_key, (subscription, matching, _)) in asked {
        let may = ask(tx, renderer, subscription, &matching)?;
        let answers = matching.iter().map(|event| event.id).zip(may).collect();
        authorizations.answers.insert(authorization_key, answers);
    }
    Ok(authorizations)
}

impl EventAuthorizations {
    /// Whether there was an evaluation.
    pub(super) fn is_made(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Whether there was nothing to evaluate.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.grants.is_empty()
    }

    /// The grants that were read.
    pub(super) fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Of the events waiting now, those to number, and the people of those that came after the evaluation.
    pub(super) fn split(&self, waiting: Vec<Event>) -> (Vec<Event>, HashSet<NhsNumber>) {
        if !self.is_made() {
            return (waiting, HashSet::new());
        }
        let newer = waiting.iter().filter(|event| !self.seen.contains(&event.id));
        let changed = newer.flat_map(|event| [event.patient, event.proxy]).collect();
        (waiting.into_iter().filter(|event| self.next.contains(&event.id)).collect(), changed)
    }

    /// The answers to a question about these events; `None` where one is missing, or may have changed since:
    /// through a newer event about one of the same people.
    pub(super) fn verdicts(
        &self,
        authorization_key: &str,
        matching: &[&Event],
        changed: &HashSet<NhsNumber>,
    ) -> Option<Vec<bool>> {
        let is_changed = |event: &Event| changed.contains(&event.patient) || changed.contains(&event.proxy);
        if !self.is_whole || matching.iter().any(|event| is_changed(event)) {
            return None;
        }
        let answers = self.answers.get(authorization_key)?;
        matching.iter().map(|event| answers.get(&event.id).copied()).collect()
    }
}
