//! The state machine as the complete table: from × to × reason × machine (contract §6.1, §6.2).

use domain::proxy::role_state::reasons_for;
use domain::proxy::{Lifecycle, ReasonCode, Status};

/// What the contract writes: the arrows and their reasons. `*` stands for every code of a group.
const DECISIONS: [(&str, &str, &[&str]); 6] = [
    ("none", "active", &["ROLE_CREATED", "OTHER"]),
    ("none", "rejected", &["APPLICATION_REJECTED_*", "OTHER"]),
    ("inactive", "rejected", &["APPLICATION_REJECTED_*", "OTHER"]),
    ("rejected", "active", &["ROLE_ACTIVATED", "OTHER"]),
    ("inactive", "active", &["ROLE_REACTIVATED", "OTHER"]),
    ("active", "inactive", &["ROLE_DEACTIVATED_*", "ROLE_SUSPENDED_PENDING_REVIEW", "OTHER"]),
];
const APPLICATIONS: [(&str, &str, &[&str]); 5] = [
    ("none", "proposed", &["APPLICATION_SUBMITTED"]),
    ("rejected", "proposed", &["APPLICATION_RESUBMITTED"]),
    ("proposed", "active", &["ROLE_ACTIVATED", "OTHER"]),
    ("proposed", "rejected", &["APPLICATION_REJECTED_*", "OTHER"]),
    ("proposed", "entered-in-error", &["APPLICATION_WITHDRAWN"]),
];

fn is_written(rows: &[(&str, &str, &[&str])], from: Option<Status>, to: Status, reason: &str) -> bool {
    let from = from.map_or("none", Status::as_str);
    rows.iter().filter(|(start, end, _)| (*start, *end) == (from, to.as_str())).any(|(_, _, reasons)| {
        reasons.iter().any(|written| match written.strip_suffix('*') {
            Some(group) => reason.starts_with(group),
            None => *written == reason,
        })
    })
}

#[test]
fn state_machine_has_the_transitions_and_reasons_of_the_contract() {
    let starts = [None].into_iter().chain(Status::ALL.map(Some));
    let mut judged = 0;
    for from in starts {
        for to in Status::ALL {
            for reason in ReasonCode::all() {
                let allowed = |lifecycle| {
                    reasons_for(from, to, lifecycle).is_some_and(|reasons| reasons.contains(&reason))
                };
                let decided = is_written(&DECISIONS, from, to, reason.code());
                let applied = is_written(&APPLICATIONS, from, to, reason.code());
                let row = format!("{from:?} to {to:?} for {}", reason.code());
                assert_eq!(allowed(Lifecycle::Decisions), decided, "{row}");
                assert_eq!(
                    allowed(Lifecycle::WithApplications),
                    decided || applied,
                    "{row}, with applications"
                );
                judged += 1;
            }
        }
    }
    assert_eq!(judged, 6 * 5 * 27);
}

#[test]
fn transition_exists_only_in_the_contract_table() {
    for lifecycle in [Lifecycle::Decisions, Lifecycle::WithApplications] {
        let starts = [None].into_iter().chain(Status::ALL.map(Some));
        let arrows = starts.flat_map(|from| Status::ALL.map(|to| reasons_for(from, to, lifecycle)));
        let expected = if lifecycle == Lifecycle::Decisions { 6 } else { 11 };
        assert_eq!(arrows.flatten().count(), expected, "{lifecycle:?}");
    }
}
