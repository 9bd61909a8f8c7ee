//! Counts the outcomes of lines, by granting organisation, for reconciliation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The outcome of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineOutcome {
    Created,
    Same,
    Conflict,
    Refused,
}

/// The count of each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) created: u64,
    pub(super) same: u64,
    pub(super) conflict: u64,
    pub(super) refused: u64,
}

/// All counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Roles.
    pub(super) roles: Counts,
    /// People.
    pub(super) people: Counts,
    /// Roles, by the ODS code of the grantor; `-` without one.
    by_grantor: BTreeMap<String, Counts>,
}

impl Counts {
    fn add(&mut self, outcome: LineOutcome) {
        match outcome {
            LineOutcome::Created => self.created += 1,
            LineOutcome::Same => self.same += 1,
            LineOutcome::Conflict => self.conflict += 1,
            LineOutcome::Refused => self.refused += 1,
        }
    }

    fn describe(self) -> String {
        let Self { created, same, conflict, refused } = self;
        format!("{created} created, {same} same, {conflict} conflict, {refused} refused")
    }
}

impl Tally {
    /// Counts a role.
    pub(super) fn add_role(&mut self, grantor: Option<&str>, outcome: LineOutcome) {
        self.roles.add(outcome);
        self.by_grantor.entry(grantor.unwrap_or("-").to_owned()).or_default().add(outcome);
    }

    /// Counts a person.
    pub(super) fn add_person(&mut self, outcome: LineOutcome) {
        self.people.add(outcome);
    }

    /// How many lines were not imported.
    pub(super) fn left_out(&self) -> u64 {
        let of = |counts: Counts| counts.conflict + counts.refused;
        of(self.roles) + of(self.people)
    }

    /// The counts as lines, for people and for `cut`.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("roles: {}", self.roles.describe())];
        if self.people != Counts::default() {
            lines.push(format!("people: {}", self.people.describe()));
        }
        lines.push("grantor\tcreated\tsame\tconflict\trefused".to_owned());
        for (grantor, Counts { created, same, conflict, refused }) in &self.by_grantor {
            lines.push(format!("{grantor}\t{created}\t{same}\t{conflict}\t{refused}"));
        }
        lines
    }
}
