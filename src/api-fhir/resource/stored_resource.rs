//! A stored resource, and the members that every resource has.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::form::{Content, Identifier, Meta};
use super::resource_type::ResourceType;
use crate::context::Context;
use base::error::Error;
use base::held;
use domain::audit::{Disclosure, People};
use store::Tx;
use store::search::{Filter, PageQuery, Table};

/// A stored resource, as a read returns it, with its place in its history.
#[derive(Clone, Debug)]
pub(crate) struct StoredResource {
    /// Its type.
    pub(crate) kind: ResourceType,
    /// Its id.
    pub(crate) id: String,
    /// Its version.
    pub(crate) version: i64,
    /// The time of that version.
    pub(crate) updated_at: DateTime<Utc>,
    /// The people of its row, if loading it returns them: for the audit record, which otherwise looks them
    /// up.
    pub(crate) people: Option<People>,
    /// The resource, with its `meta`; null where this version is its deletion.
    pub(crate) body: Content,
    /// The document that `body` must still be completed with, where that is not parsed yet
    /// ([`Context::holds_writer`]).
    pub(crate) document: Option<String>,
}

impl StoredResource {
    /// What a response with it discloses.
    pub(crate) fn disclosed(&self) -> Disclosure {
        let resource = || Disclosure::Resource(format!("{}/{}", self.kind.name(), self.id));
        self.people.map_or_else(resource, Disclosure::Of)
    }

    /// The same with its document parsed.
    pub(crate) fn complete(mut self) -> Result<Self, Error> {
        if let (Some(document), Content::Tree(body)) = (self.document.take(), &mut self.body) {
            complete(body, &document)?;
        }
        Ok(self)
    }
}

/// What a response with these discloses.
pub(crate) fn disclosed<'s>(all: impl IntoIterator<Item = &'s StoredResource>) -> Vec<Disclosure> {
    all.into_iter().map(StoredResource::disclosed).collect()
}

/// Adds the members of a document to a resource with members of its own.
pub(crate) fn complete(body: &mut Value, document: &str) -> Result<(), Error> {
    held::check(|| document.len());
    let document: Map<String, Value> = serde_json::from_str(document).map_err(Error::fault)?;
    if let Some(members) = body.as_object_mut() {
        for (key, element) in document {
            members.entry(key).or_insert(element);
        }
    }
    Ok(())
}

/// The ids of the rows that match a filter and that the caller may see.
pub(super) fn find_ids(
    tx: &mut Tx<'_>,
    context: &Context,
    table: Table,
    filter: Filter,
) -> Result<Vec<String>, Error> {
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: i64::MAX };
    Ok(tx.search(&query, context.scope())?.into_iter().map(|row| row.id).collect())
}

/// The first members of every resource.
pub(super) fn head(
    kind: ResourceType,
    id: &str,
    version: i64,
    updated_at: DateTime<Utc>,
) -> Map<String, Value> {
    let mut resource = Map::new();
    resource.insert("resourceType".to_owned(), kind.name().into());
    resource.insert("id".to_owned(), id.into());
    resource.insert("meta".to_owned(), json!(Meta::new(kind, version, updated_at)));
    resource
}

pub(super) fn nhs_identifier(number: domain::person::NhsNumber) -> Value {
    json!(Identifier::of_person(&number))
}
