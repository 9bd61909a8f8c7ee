//! Milestones: what happens to a role when its patient reaches an age.
//!
//! A child's say grows with age: from 11 on a practice reviews who sees what, at 13 a child may have an
//! account of their own, at 16 they consent for themselves, and at 18 parental responsibility ends. What
//! follows is policy, so it is a table in the settings: an action for an age and a legal basis.

use chrono::{DateTime, Utc};

use crate::proxy::legal_basis::LegalBasis;
use base::date_time::FhirDateTime;

/// The action for a role on a birthday of its patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MilestoneAction {
    /// Mark it for review by its grantor.
    Review,
    /// End it.
    End,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// The age that the patient reaches, in years.
    pub age: i32,
    /// The roles that it applies to; `None` for those of every legal basis.
    pub legal_basis: Option<LegalBasis>,
    /// The action.
    pub action: MilestoneAction,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Milestones(pub Vec<Milestone>);

impl Milestones {
    /// The ages in the table, each once, the lowest first.
    pub fn ages(&self) -> Vec<i32> {
        let mut ages: Vec<i32> = self.0.iter().map(|line| line.age).collect();
        ages.sort_unstable();
        ages.dedup();
        ages
    }

    /// The action for a role at this age: a line for its legal basis precedes one for all.
    pub fn action(&self, age: i32, legal_basis: LegalBasis) -> Option<MilestoneAction> {
        let of_age = || self.0.iter().filter(|line| line.age == age);
        let own = of_age().find(|line| line.legal_basis == Some(legal_basis));
        own.or_else(|| of_age().find(|line| line.legal_basis.is_none())).map(|line| line.action)
    }
}

/// When a person who was born on this day (or in this month, or year: then on its last day) turns this age:
/// at the beginning of that day in England. A person born on 29 February does so on 1 March in other years.
pub fn birthday(birth: &FhirDateTime, age: i32) -> Option<DateTime<Utc>> {
    birth.years_later(age).map(|day| day.earliest())
}

#[cfg(test)]
mod tests {
    use super::{LegalBasis, Milestone, MilestoneAction, Milestones, birthday};
    use base::date_time::FhirDateTime;

    #[test]
    fn birthday_begins_at_midnight_in_england() {
        let turns =
            |birth: &str, age| birthday(&FhirDateTime::parse(birth).unwrap(), age).unwrap().to_rfc3339();
        assert_eq!(turns("2010-01-31", 16), "2026-01-31T00:00:00+00:00");
        assert_eq!(turns("2010-07-05", 16), "2026-07-04T23:00:00+00:00");
        assert_eq!(turns("2008-02-29", 18), "2026-03-01T00:00:00+00:00");
        assert_eq!(turns("2008-02-29", 16), "2024-02-29T00:00:00+00:00");
        assert_eq!(turns("2010-02", 16), "2026-02-28T00:00:00+00:00");
        assert_eq!(turns("2010", 16), "2026-12-31T00:00:00+00:00");
    }

    #[test]
    fn milestone_of_a_legal_basis_precedes_the_general_one() {
        let line = |legal_basis, action| Milestone { age: 16, legal_basis, action };
        let parental = LegalBasis::ParentalResponsibility;
        let table =
            Milestones(vec![line(None, MilestoneAction::Review), line(Some(parental), MilestoneAction::End)]);
        assert_eq!(table.action(16, parental), Some(MilestoneAction::End));
        assert_eq!(table.action(16, LegalBasis::Consent), Some(MilestoneAction::Review));
        assert_eq!(table.action(18, parental), None);
    }
}
