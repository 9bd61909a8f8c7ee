//! The users of an account: Person.identifier and Person.link.

use crate::resource::ResourceType;
use store::search::{Column, Filter, Table};

const ACCOUNT: Column = Column::text("nhs_number");

fn users(filter: Filter) -> Filter {
    Filter::within(Table::Users.id(), Table::AccountUsers, Table::AccountUsers.id(), filter)
}

/// Users who have any account.
pub(super) fn any() -> Filter {
    users(Filter::EVERYTHING)
}

/// The users of this account.
pub(crate) fn of(number: &str) -> Filter {
    users(Filter::text(ACCOUNT, number))
}

/// Users who are linked to this Patient, or to this RelatedPerson.
pub(super) fn linked(param: &str, named_type: Option<ResourceType>, id: &str) -> Filter {
    let related = || {
        let proxy = Column::text("proxy");
        let relationship = Filter::text(Table::Relationships.id(), id);
        users(Filter::within(ACCOUNT, Table::Relationships, proxy, relationship))
    };
    match (param, named_type) {
        ("patient" | "link", Some(ResourceType::Patient)) | ("patient", None) => of(id),
        ("relatedperson" | "link", Some(ResourceType::RelatedPerson)) | ("relatedperson", None) => related(),
        ("link", None) => Filter::Any(vec![of(id), related()]),
        _ => Filter::NOTHING,
    }
}
