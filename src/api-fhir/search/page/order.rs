//! The order of `_sort` (S-12). An unsupported key is refused, or, for a lenient caller, left out of the
//! order and of the self link.

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::Storage;
use crate::resource::resource_type::ResourceType;
use crate::search::filter::criterion::param_of;
use crate::search::filter::masked;
use crate::search::param::{Param, SearchTarget};
use crate::search::query::SearchQuery;
use fhir::outcome::{Issue, IssueType};
use store::search::{Field, PersonField, RoleField, SortKey};

/// The order of the matches of one type.
pub(super) struct Order {
    /// For rows.
    pub(super) rows: Vec<SortKey>,
    /// For compiled-in definitions: the parameter, and whether descending.
    pub(super) elements: Vec<(Param, bool)>,
    /// The supported keys.
    pub(super) used: Vec<String>,
}

impl Order {
    pub(super) fn of(kind: ResourceType, query: &SearchQuery, context: &Context) -> Result<Self, Refusal> {
        let mut order = Self { rows: Vec::new(), elements: Vec::new(), used: Vec::new() };
        for (name, is_descending) in &query.sort {
            if order.add(kind, name, *is_descending, context) {
                order.used.push(name.clone());
            } else if context.is_strict {
                let message = "This server does not sort by that parameter.";
                return Err(Refusal::new(400, Issue::error(IssueType::NotSupported, message)));
            }
        }
        Ok(order)
    }

    fn add(&mut self, kind: ResourceType, name: &str, is_descending: bool, context: &Context) -> bool {
        let param = param_of(kind, name).filter(|param| !masked::is_masked(&param.target, context));
        let Some(param) = param else { return false };
        match (kind.storage(), param.target) {
            (Storage::Library, SearchTarget::Element(_)) => self.elements.push((param, is_descending)),
            (Storage::Library, _) => return false,
            (Storage::Rows { .. }, _) => {
                let Some(field) = field(&param) else { return false };
                self.rows.push(SortKey { field, is_descending });
            }
        }
        true
    }
}

fn field(param: &Param) -> Option<Field> {
    match param.target {
        SearchTarget::Token(_, field)
        | SearchTarget::Uri(field)
        | SearchTarget::Text(_, field)
        | SearchTarget::LocalReference(field)
        | SearchTarget::Date(field, _) => Some(field),
        SearchTarget::Reference(reference) => Some(reference.field),
        SearchTarget::RoleStatus => Some(Field::Role(RoleField::Status)),
        SearchTarget::RoleReason => Some(Field::Role(RoleField::Reason)),
        SearchTarget::Names(["given"]) => Some(Field::Person(PersonField::FirstGivenName)),
        SearchTarget::Names(_) => Some(Field::Person(PersonField::FirstFamilyName)),
        SearchTarget::Absent
        | SearchTarget::Constant(_)
        | SearchTarget::Flag(_)
        | SearchTarget::HasValue(_)
        | SearchTarget::RelationshipCode
        | SearchTarget::OfAct(_)
        | SearchTarget::Present(_)
        | SearchTarget::Agent
        | SearchTarget::Author
        | SearchTarget::Applicant
        | SearchTarget::Account
        | SearchTarget::Element(_)
        | SearchTarget::Composite(..)
        | SearchTarget::Contacts(_)
        | SearchTarget::Codes => None,
    }
}

/// The `_sort` that was used: the keys that any type supports, in the order of the request.
pub(super) fn render(query: &SearchQuery, used: &[String]) -> String {
    let keys = query.sort.iter().filter(|(name, _)| used.contains(name));
    let keys: Vec<String> =
        keys.map(|(name, down)| format!("{}{name}", if *down { "-" } else { "" })).collect();
    keys.join(",")
}
