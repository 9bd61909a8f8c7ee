//! String parameters (<https://hl7.org/fhir/R4/search.html#string>): the beginning of any part, independent
//! of letter case and accents (S-24).

use crate::refusal::Refusal;
use crate::search::param::{Param, SearchTarget};
use crate::search::query::bad;
use store::search::{Datum, Field, Filter, Is, NamePartField, PersonField, Table};
use store::{normalize, normalize_words};

const FOLDED: Field = Field::NamePart(NamePartField::Folded);

/// The filter of one alternative.
pub(super) fn filter(param: &Param, modifier: Option<&str>, value: &str) -> Result<Filter, Refusal> {
    let folded = normalize(value);
    let condition = match modifier {
        Some("exact") => Filter::text(NamePartField::Written, value),
        // Only punctuation: every text begins with nothing, but that is not meant.
        None | Some("text" | "contains") if folded.is_empty() => Filter::NOTHING,
        None | Some("text") => begins_with(&folded),
        Some("contains") => Filter::Contains(FOLDED, folded),
        Some(_) => {
            return Err(bad("A string parameter supports the modifiers exact, contains, text and missing."));
        }
    };
    if let SearchTarget::Text(written, folded) = param.target {
        let wanted = normalize_words(value);
        return Ok(match modifier {
            Some("exact") => Filter::text(written, value),
            Some("contains") => Filter::Contains(folded, wanted),
            _ => from_beginning(folded, &wanted),
        });
    }
    let SearchTarget::Names(parts) = param.target else { return Ok(Filter::NOTHING) };
    Ok(named(parts, condition))
}

/// A range, which an index can serve. A normalized text has only letters and digits, of which none sorts
/// after the last of Unicode's letters.
fn begins_with(folded: &str) -> Filter {
    from_beginning(FOLDED, folded)
}

fn from_beginning(field: Field, text: &str) -> Filter {
    Filter::All(vec![
        Filter::Compare(field, Is::AtLeast, Datum::Text(text.to_owned())),
        Filter::Compare(field, Is::Less, Datum::Text(format!("{text}\u{10FFFF}"))),
    ])
}

fn named(parts: &[&str], condition: Filter) -> Filter {
    let of_parts = Filter::one_of(NamePartField::Part, parts.iter().map(ToString::to_string).collect());
    let (person, of_part) = (PersonField::NhsNumber, NamePartField::NhsNumber);
    Filter::within(person, Table::PersonNameParts, of_part, Filter::All(vec![of_parts, condition]))
}

/// People who have a name with these parts.
pub(super) fn any_name(parts: &[&str]) -> Filter {
    named(parts, Filter::EVERYTHING)
}
