//! Stored decisions, and the time that a decision takes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::fixture::{USER, World, by_app};
use crate::account::category::{Category, CategorySet};
use crate::account::decision::{DecisionReasons, DecisionRecord, VetoTarget};
use crate::account::level::{AccessSet, AccountAction};

fn worlds() -> Vec<World> {
    let mut worlds = vec![by_app(), by_app().vetoed(VetoTarget::User(USER), CategorySet::ALL, true)];
    for category in Category::ALL {
        worlds.push(by_app().asking(AccountAction::Read, category));
    }
    for action in AccountAction::ALL.into_iter().filter(|action| !action.is_about_data()) {
        worlds.push(by_app().acting(action, AccessSet::EMPTY));
    }
    let mut weak = by_app();
    weak.facts.session.vector = None;
    worlds.push(weak);
    worlds
}

// An auditor decides a stored decision again.
#[test]
fn stored_decision_is_read_back_and_replayed() {
    for world in worlds() {
        let decision = world.decide();
        let record = DecisionRecord { question: world.question, facts: world.facts, decision };
        let text = serde_json::to_string(&record).unwrap();
        let read: DecisionRecord<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, record);
        assert_eq!(read.replay(), record.decision);
    }
}

// PD-10
#[test]
fn same_question_and_facts_have_the_same_decision() {
    for world in worlds() {
        let first = world.decide();
        for _ in 0..10 {
            assert_eq!(world.decide(), first);
        }
    }
}

#[test]
fn reasons_beyond_the_most_are_counted() {
    let mut world = by_app();
    for _ in 0..40 {
        world = world.vetoed(VetoTarget::User(USER), CategorySet::ALL, true);
    }
    let decision = world.decide();
    assert!(!decision.is_permitted);
    assert_eq!(decision.reasons.iter().count(), DecisionReasons::MOST);
    assert!(decision.reasons.count() > 40, "{}", decision.reasons.count());
}

/// The best of several rounds, because other programs run on the machine. The bound holds for an optimised build.
#[test]
fn decision_takes_at_most_two_microseconds() {
    const ROUNDS: u32 = 20;
    const DECISIONS: u32 = 1000;
    let world = by_app();
    let round = || {
        let start = Instant::now();
        for _ in 0..DECISIONS {
            black_box(black_box(&world).decide());
        }
        start.elapsed() / DECISIONS
    };
    let best = (0..ROUNDS).map(|_| round()).min().unwrap();
    let most = if cfg!(debug_assertions) { Duration::from_micros(100) } else { Duration::from_micros(2) };
    assert!(best <= most, "{best:?}");
}
