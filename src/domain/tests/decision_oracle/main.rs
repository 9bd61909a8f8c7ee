//! The decision against an oracle: the same rules written in Cedar (<https://www.cedarpolicy.com>), from their prose and not
//! from the code, give the same answer to 10,000 random questions.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what fails here fails the test, also in a function that builds a question"
)]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at the variants that it is about")]

mod case;
mod oracle;

use case::{Case, Random};
use oracle::Oracle;

/// The seed of the questions: a failure can be repeated.
const SEED: u64 = 0x0b5e_11a1_f2ca_5e01;
const QUESTIONS: usize = 10_000;

// PD-30 as far as the decision itself goes
#[test]
fn ten_thousand_random_decisions_are_those_of_the_oracle() {
    let oracle = Oracle::new();
    let mut random = Random::new(SEED);
    let (mut permitted, mut by_action) = (0_usize, std::collections::BTreeMap::new());
    for number in 0..QUESTIONS {
        let case = Case::generate(&mut random);
        let expected = oracle.permits(&case);
        let decision = case.decide();
        assert_eq!(decision.is_permitted, expected, "question {number}: {case:#?}\n{:#?}", decision.reasons);
        if expected {
            permitted += 1;
            *by_action.entry(case.action.code()).or_insert(0_usize) += 1;
        }
    }
    // The questions are worth asking: many of both answers, and each action is permitted to some.
    assert!((1_500..8_500).contains(&permitted), "{permitted} of {QUESTIONS} permitted");
    assert!(by_action.len() >= 12 && by_action.values().all(|count| *count >= 10), "{by_action:?}");
}
