//! The limits of every list of values that a client sends to a search or to an operation: the one table of
//! them. `docs/fhir.md` has it for clients. A longer list is refused, never cut.

use crate::refusal::Refusal;
use fhir::outcome::{Issue, IssueType};

/// A list of values that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// All parameters of a request together, of any kind.
    Parameters,
    /// The search parameters of a search: each costs a clause.
    Criteria,
    /// Those that are chained, or `_has`: each costs a subselect for every type of the chain.
    Chained,
    /// The alternatives of one parameter, separated by commas.
    Alternatives,
    /// The alternatives of all parameters of a search together: each is bound as a value.
    AllAlternatives,
    /// The links of one chain or `_has`.
    Links,
    /// The different values of `_include` and `_revinclude` together: each costs a statement per round.
    Includes,
    /// The keys of `_sort`: a page link contains a value of each.
    SortKeys,
    /// The names of `_elements`.
    Elements,
    /// The names of `_type`.
    Types,
    /// The times of `start`, `end` and `_since` of `$everything`, together.
    Times,
    /// The values of an input of an operation on subscriptions.
    Inputs,
    /// The search parameters of a subscription's criteria: events are matched against them while the writer
    /// waits.
    CriteriaOfSubscription,
    /// Those that are chained, or `_has`.
    ChainedOfSubscription,
    /// The alternatives of one of them.
    AlternativesOfSubscription,
}

impl List {
    /// Every list, for the tests of the limits.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 15] = [
        Self::Parameters,
        Self::Criteria,
        Self::Chained,
        Self::Alternatives,
        Self::AllAlternatives,
        Self::Links,
        Self::Includes,
        Self::SortKeys,
        Self::Elements,
        Self::Types,
        Self::Times,
        Self::Inputs,
        Self::CriteriaOfSubscription,
        Self::ChainedOfSubscription,
        Self::AlternativesOfSubscription,
    ];

    /// Its name for clients, and the most values.
    pub(crate) const fn cap(self) -> (&'static str, usize) {
        match self {
            Self::Parameters => ("The parameters of a request", 1000),
            Self::Criteria => ("The search parameters of a request", 50),
            Self::Chained => ("Chained parameters and _has", 10),
            Self::Alternatives => ("The alternatives of a search parameter", 200),
            Self::AllAlternatives => ("The alternatives of all search parameters", 1000),
            Self::Links => ("The links of a chain or of _has", 4),
            Self::Includes => ("_include and _revinclude", 20),
            Self::SortKeys => ("_sort", 3),
            Self::Elements => ("_elements", 100),
            Self::Types => ("_type", 50),
            Self::Times => ("start, end and _since", 10),
            Self::Inputs => ("An input of the operation", 200),
            Self::CriteriaOfSubscription => ("The search parameters of a subscription's criteria", 10),
            Self::ChainedOfSubscription => ("Chained parameters and _has of a subscription's criteria", 3),
            Self::AlternativesOfSubscription => {
                ("The alternatives of a search parameter of a subscription's criteria", 10)
            }
        }
    }

    /// Refuses a list with more values than allowed.
    ///
    /// # Errors
    ///
    /// 400, with the name of the list and its limit.
    pub(crate) fn check(self, given: usize) -> Result<(), Refusal> {
        let (name, most) = self.cap();
        if given <= most {
            return Ok(());
        }
        let message = format!("{name}: at most {most}. Given: {given}.");
        Err(Refusal::new(400, Issue::error(IssueType::TooCostly, message)))
    }
}

/// Whether a search parameter follows references: it has a chain, or is `_has`.
pub(crate) fn is_chained(key: &str) -> bool {
    key.starts_with("_has:") || key.contains('.')
}

#[cfg(test)]
mod tests {
    use super::List;

    #[test]
    fn each_cap_is_in_the_documentation() {
        let page = include_str!("../../../docs/fhir.md");
        for list in List::ALL {
            let (name, most) = list.cap();
            let row =
                format!("| {name} | {} |", if most >= 1000 { "1,000".to_owned() } else { most.to_string() });
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn list_at_its_cap_passes_and_longer_one_is_400_with_name_and_cap() {
        for list in List::ALL {
            let (name, most) = list.cap();
            assert_eq!(list.check(most), Ok(()));
            let refusal = list.check(most + 1).unwrap_err();
            let message = refusal.issues.first().unwrap().diagnostics.clone();
            assert_eq!(refusal.status, 400);
            assert_eq!(message, format!("{name}: at most {most}. Given: {}.", most + 1));
        }
    }
}
