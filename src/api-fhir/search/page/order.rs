//! The order that `_sort` asks for (S-12). A key that this server does not sort by is refused, or, if the
//! caller is lenient, left out of the order and of the self link.

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::{Backing, ResourceType};
use crate::search::Query;
use crate::search::filter::masked;
use crate::search::filter::param_of;
use crate::search::param::{Index, Param};
use fhir::outcome::{Issue, IssueType};
use store::search::{Column, SortKey};

/// How the matches of one type follow each other.
pub(super) struct Order {
    /// Those that are rows.
    pub(super) rows: Vec<SortKey>,
    /// Those that are compiled in: by which parameter, and whether downwards.
    pub(super) elements: Vec<(Param, bool)>,
    /// The keys that were understood.
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
                let Some(column) = column(&param) else { return false };
                self.rows.push(SortKey { column, is_descending });
            }
        }
        true
    }
}

fn column(param: &Param) -> Option<Column> {
    match param.index {
        Index::Token(_, column)
        | Index::Uri(column)
        | Index::Text(column, _)
        | Index::LocalReference(column)
        | Index::Date(column, _) => Some(column),
        Index::Reference(reference) => Some(reference.column),
        Index::RoleStatus => Some(Column::text("status")),
        Index::RoleReason => Some(Column::text("reason_code")),
        Index::Names(["given"]) => Some(FIRST_GIVEN),
        Index::Names(_) => Some(FIRST_FAMILY),
        Index::Absent
        | Index::Constant(_)
        | Index::Flag(_)
        | Index::HasValue(_)
        | Index::RelationshipCode
        | Index::OfAct(_)
        | Index::Present(_)
        | Index::Agent
        | Index::Applicant
        | Index::Account
        | Index::Element(_)
        | Index::Composite(..)
        | Index::Contacts(_)
        | Index::Codes => None,
    }
}

/// The first given name of a person, folded, as a scalar subselect.
const FIRST_GIVEN: Column = Column::text(
    "COALESCE((SELECT MIN(folded) FROM person_name_parts AS parts WHERE parts.nhs_number = people.nhs_number AND part = 'given'), '')",
);

/// The first family name.
const FIRST_FAMILY: Column = Column::text(
    "COALESCE((SELECT MIN(folded) FROM person_name_parts AS parts WHERE parts.nhs_number = people.nhs_number AND part = 'family'), '')",
);

/// `_sort` as it was used: the keys that some type understood, in the order in which they were given.
pub(super) fn render(query: &Query, used: &[String]) -> String {
    let keys = query.sort.iter().filter(|(name, _)| used.contains(name));
    let keys: Vec<String> =
        keys.map(|(name, down)| format!("{}{name}", if *down { "-" } else { "" })).collect();
    keys.join(",")
}
