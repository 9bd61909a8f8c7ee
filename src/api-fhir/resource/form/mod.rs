//! The content of resources, and the forms in which rows are written as JSON.
//!
//! A row is written straight from its columns. A tree of it, which is some 150 names and values for a Consent, is built where
//! one is needed: for XML, for a part of the resource, for a patch, for the answer to a Bundle, for the references of an include.

mod consent;
mod element;
mod related_person;
mod searchset;

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use consent::Consent;
use related_person::RelatedPerson;

use base::json;
use domain::proxy::relationship::RelationshipCode;
use domain::proxy::{Relationship, Role, Versioned};
use fhir::format;
use fhir::format::Format;

pub(super) use element::{Identifier, Meta};
pub(crate) use searchset::{SearchEntry, Searchset};

/// The names and signs around a code of a relationship, in bytes.
const CODING: usize = 48;

/// The content of a resource.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A tree; null where this version is a deletion.
    Tree(Value),
    /// A role, as its Consent.
    Consent(Box<Versioned<Role>>),
    /// A relationship, as its RelatedPerson.
    RelatedPerson(Box<Versioned<Relationship>>),
    /// A page of a search, as its Bundle.
    Searchset(Box<Searchset<Self>>),
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Tree(tree) => tree.serialize(serializer),
            Self::Consent(role) => Consent::of(role).serialize(serializer),
            Self::RelatedPerson(relationship) => RelatedPerson::of(relationship).serialize(serializer),
            Self::Searchset(page) => page.serialize(serializer),
        }
    }
}

impl From<Value> for Content {
    fn from(tree: Value) -> Self {
        Self::Tree(tree)
    }
}

impl Content {
    /// The tree.
    pub(crate) fn tree(&self) -> Cow<'_, Value> {
        match self {
            Self::Tree(tree) => Cow::Borrowed(tree),
            // The forms have text keys only.
            Self::Consent(_) | Self::RelatedPerson(_) | Self::Searchset(_) => {
                Cow::Owned(serde_json::to_value(self).unwrap_or_default())
            }
        }
    }

    /// Keeps the tree, for what looks at it more than once.
    pub(crate) fn keep_tree(&mut self) {
        if !matches!(self, Self::Tree(_)) {
            *self = Self::Tree(self.tree().into_owned());
        }
    }

    /// The tree, without a copy of one that is there.
    pub(crate) fn into_tree(self) -> Value {
        match self {
            Self::Tree(tree) => tree,
            Self::Consent(_) | Self::RelatedPerson(_) | Self::Searchset(_) => self.tree().into_owned(),
        }
    }

    /// Whether this version of a resource is its deletion.
    pub(crate) const fn is_deletion(&self) -> bool {
        matches!(self, Self::Tree(Value::Null))
    }

    /// Whether it takes more than this many bytes as JSON, approximately: of a row, only what can be long is counted.
    pub(crate) fn is_larger(&self, bytes: usize) -> bool {
        match self {
            Self::Tree(tree) => json::is_larger(tree, bytes),
            Self::Consent(role) => role.value.reason.text().map_or(0, str::len) > bytes,
            Self::RelatedPerson(relationship) => {
                let size = |code: &RelationshipCode| {
                    code.system.len()
                        + code.code.len()
                        + code.display.as_ref().map_or(0, String::len)
                        + CODING
                };
                relationship.value.codes.iter().map(size).sum::<usize>() > bytes
            }
            Self::Searchset(page) => page.entry.len() > 1,
        }
    }

    /// The content as a response has it.
    pub(crate) fn render(&self, format: Format, is_pretty: bool) -> Vec<u8> {
        match format {
            Format::Json => format::render_json(self, is_pretty),
            Format::Xml => format::render(&self.tree(), format, is_pretty),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::cpu_pool::INLINE;
    use chrono::DateTime;
    use domain::person::{NhsNumber, NumberCheck};

    /// Work on what is larger than this is done on the CPU pool, and not while the writer is held.
    #[test]
    fn a_row_is_as_large_as_its_json() {
        let number = |text| NhsNumber::parse(text, NumberCheck::Length).unwrap();
        for (count, is_large) in [(0, false), (10, false), (2_000, true)] {
            let code = RelationshipCode { system: "s".to_owned(), code: "c".to_owned(), display: None };
            let value = Relationship {
                id: "1".to_owned(),
                proxy: number("9000000017"),
                patient: number("9000000033"),
                codes: vec![code; count],
                active: true,
                verified: true,
            };
            let row = Versioned { value, version: 1, updated_at: DateTime::UNIX_EPOCH };
            let content = Content::RelatedPerson(Box::new(row));
            assert_eq!(content.is_larger(INLINE), is_large);
            assert_eq!(content.render(Format::Json, false).len() > INLINE, is_large);
            assert_eq!(json::is_larger(&content.tree(), INLINE), is_large);
        }
    }
}
