//! Refusals of entries.

use crate::refusal::Refusal;
use fhir::outcome::Issue;

/// Adds the entry to the expressions of a refusal.
pub(crate) fn in_entry(refusal: Refusal, number: usize) -> Refusal {
    let place = |issue: Issue| {
        let inner = issue.expression.as_deref().map(|expression| {
            let (_, rest) = expression.split_once('.').unwrap_or((expression, ""));
            if rest.is_empty() { String::new() } else { format!(".resource.{rest}") }
        });
        let expression = format!("Bundle.entry[{number}]{}", inner.unwrap_or_default());
        Issue { expression: Some(expression), ..issue }
    };
    Refusal { issues: refusal.issues.into_iter().map(place).collect(), ..refusal }
}
