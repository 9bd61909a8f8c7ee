//! The state of a person, and what it means for every operation of the service: one table.

use serde::{Deserialize, Serialize};

use crate::person::standing::Standing;

/// The state of a person whom the registry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonState {
    /// The number is in use, and no death was reported.
    Alive,
    /// The registry has reported the death.
    Died,
    /// Sensitive (S-flagged).
    Restricted,
    /// The number is no longer valid.
    Invalidated,
    /// The number was superseded by another.
    Superseded,
}

/// An operation that concerns a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonOperation {
    /// Create or import a role that is active or proposed, for or of the person.
    CreateRole,
    /// Create or import a role that is rejected or has ended.
    RecordDecision,
    /// Make a role active or proposed, or change one that is.
    ActivateRole,
    /// Change a role so that it is ended or rejected.
    EndRole,
    /// Seed a role that is active or proposed.
    SeedRole,
    /// Submit an access request that names the person.
    NameInRequest,
    /// Record or change a relationship of the person.
    RecordRelationship,
    /// Log in as the person, or approve an app as them.
    LogIn,
    /// Use a grant of or for the person: code, refresh token, exchange, access token, introspection, subscription and
    /// its deliveries.
    UseGrant,
    /// Send a letter to the person.
    SendMessage,
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The operation is carried out.
    Allowed,
    /// The operation is refused, and the error may name the death.
    Refused,
    /// The operation is answered as if the registry did not know the person.
    AsUnknown,
}

impl PersonState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Alive, Self::Died, Self::Restricted, Self::Invalidated, Self::Superseded];

    /// The state of a person of this standing. A person who may not appear does not, dead or alive.
    pub const fn of(standing: Standing, has_died: bool) -> Self {
        match (standing, has_died) {
            (Standing::Current, false) => Self::Alive,
            (Standing::Current, true) => Self::Died,
            (Standing::Restricted, _) => Self::Restricted,
            (Standing::Invalidated, _) => Self::Invalidated,
            (Standing::Superseded, _) => Self::Superseded,
        }
    }

    /// Whether a grant of or for the person holds.
    pub const fn has_grants(self) -> bool {
        matches!(decide_person(self, PersonOperation::UseGrant), Verdict::Allowed)
    }
}

impl PersonOperation {
    /// Every operation.
    pub const ALL: [Self; 10] = [
        Self::CreateRole,
        Self::RecordDecision,
        Self::ActivateRole,
        Self::EndRole,
        Self::SeedRole,
        Self::NameInRequest,
        Self::RecordRelationship,
        Self::LogIn,
        Self::UseGrant,
        Self::SendMessage,
    ];
}

/// The table; `docs/integrator.md` shows it.
pub const fn decide_person(state: PersonState, operation: PersonOperation) -> Verdict {
    use PersonState::{Alive, Died, Invalidated, Restricted, Superseded};
    match (state, operation) {
        // A request can name any person: refusing it would reveal a death to a stranger. Staff see the death
        // when they review it.
        (Alive, _) | (_, PersonOperation::NameInRequest)
        // Every role ends with a death. A past role can be recorded, and a relationship stays a fact.
        | (Died, PersonOperation::RecordDecision | PersonOperation::EndRole | PersonOperation::RecordRelationship)
        // Seed data are stored as given, and a role of a person who may not appear is in no answer.
        | (Restricted | Invalidated | Superseded, PersonOperation::SeedRole) => Verdict::Allowed,
        (Died, PersonOperation::CreateRole | PersonOperation::ActivateRole | PersonOperation::SeedRole) => Verdict::Refused,
        (
            Restricted | Invalidated | Superseded,
            PersonOperation::CreateRole
            | PersonOperation::RecordDecision
            | PersonOperation::ActivateRole
            | PersonOperation::EndRole
            | PersonOperation::RecordRelationship,
        )
        // The reason is not given: a standing can be a secret.
        | (Died | Restricted | Invalidated | Superseded, PersonOperation::LogIn | PersonOperation::UseGrant | PersonOperation::SendMessage) => {
            Verdict::AsUnknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PersonOperation, PersonState, Verdict, decide_person};
    use crate::person::standing::Standing;

    /// The words of the page for a verdict.
    const fn word(verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Allowed => "yes",
            Verdict::Refused => "no",
            Verdict::AsUnknown => "unknown",
        }
    }

    #[test]
    fn person_state_table_equals_the_documentation() {
        let page = include_str!("../../../docs/integrator.md");
        for operation in PersonOperation::ALL {
            let verdicts = PersonState::ALL.map(|state| word(decide_person(state, operation)));
            let name = format!("{operation:?}");
            let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("no row for {name}"));
            let shown: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(shown.get(3..8), Some(&verdicts[..]), "{row}");
        }
    }

    #[test]
    fn person_standing_takes_precedence_over_death() {
        for standing in Standing::ALL {
            let (alive, died) = (PersonState::of(standing, false), PersonState::of(standing, true));
            assert_eq!(alive == died, standing != Standing::Current, "{standing:?}");
        }
    }
}
