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
use domain::proxy::{Relationship, Role, Versioned};
use fhir::format;
use fhir::format::Format;

pub(crate) use searchset::{SearchEntry, Searchset};

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

    /// Whether it has more than this many parts. A row has few.
    pub(crate) fn is_larger(&self, parts: usize) -> bool {
        match self {
            Self::Tree(tree) => json::is_larger(tree, parts),
            Self::Consent(_) | Self::RelatedPerson(_) => false,
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
