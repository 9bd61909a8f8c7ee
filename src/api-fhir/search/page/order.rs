//! The order of `_sort` (S-12). An unsupported key is refused, or, for a lenient caller, left out of the
//! order and of the self link.

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::kind::Backing;
use crate::resource::resource_type::ResourceType;
use crate::search::filter::criterion::param_of;
use crate::search::filter::masked;
use crate::search::param::{Index, Param};
use crate::search::query::Query;
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
    pub(super) fn of(kind: ResourceType, query: &Query, context: &Context) -> Result<Self, Refusal> {
        let mut order = Self { rows: Vec::new(), elements: Vec::new(), used: Vec::new() };
        for (name, is_descending) in &query.sort {
            if order.add(kind, name, *is_descending, context) {
                order.used.push(name.clone());
            } else if context.is_strict {
                let told = "This server does not sort by that parameter.";
                return Err(Refusal::new(400, Issue::error(IssueType::NotSupported, told)));
            }
        }
        Ok(order)
    }

    fn add(&mut self, kind: ResourceType, name: &str, is_descending: bool, context: &Context) -> bool {
        let param = param_of(kind, name).filter(|param| !masked::is_masked(&param.index, context));
        let Some(param) = param else { return false };
        match (kind.backing(), param.index) {
            (Backing::Library, Index::Element(_)) => self.elements.push((param, is_descending)),
            (Backing::Library, _) => return false,
            (Backing::Rows { .. }, _) => {
                let Some(field) = field(&param) else { return false };
                self.rows.push(SortKey { field, is_descending });
            }
        }
        true
    }
}

fn field(param: &Param) -> Option<Field> {
    match param.index {
        Index::Token(_, field)
        | Index::Uri(field)
        | Index::Text(_, field)
        | Index::LocalReference(field)
        | Index::Date(field, _) => Some(field),
        Index::Reference(reference) => Some(reference.field),
        Index::RoleStatus => Some(Field::Role(RoleField::Status)),
        Index::RoleReason => Some(Field::Role(RoleField::Reason)),
        Index::Names(["given"]) => Some(Field::Person(PersonField::FirstGivenName)),
        Index::Names(_) => Some(Field::Person(PersonField::FirstFamilyName)),
        Index::Absent
        | Index::Constant(_)
        | Index::Flag(_)
        | Index::HasValue(_)
        | Index::RelationshipCode
        | Index::OfAct(_)
        | Index::Present(_)
        | Index::Agent
        | Index::Author
        | Index::Applicant
        | Index::Account
        | Index::Element(_)
        | Index::Composite(..)
        | Index::Contacts(_)
        | Index::Codes => None,
    }
}

/// The `_sort` that was used: the keys that any type supports, in the order of the request.
pub(super) fn render(query: &Query, used: &[String]) -> String {
    let keys = query.sort.iter().filter(|(name, _)| used.contains(name));
    let keys: Vec<String> =
        keys.map(|(name, down)| format!("{}{name}", if *down { "-" } else { "" })).collect();
    keys.join(",")
}
