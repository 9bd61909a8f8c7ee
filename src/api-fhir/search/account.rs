//! The users of an account: Person.identifier and Person.link.

use crate::resource::resource_type::ResourceType;
use store::search::{AccountUserField, Filter, RelationshipField, Table};

fn users(filter: Filter) -> Filter {
    Filter::within(Table::Users.id(), Table::AccountUsers, AccountUserField::User, filter)
}

/// Users with any account.
pub(super) fn any() -> Filter {
    users(Filter::EVERYTHING)
}

/// The users of this account.
pub(crate) fn of(number: &str) -> Filter {
    users(Filter::text(AccountUserField::Account, number))
}

/// Users who are linked to this Patient, or to this RelatedPerson.
pub(super) fn linked(param: &str, named_type: Option<ResourceType>, id: &str) -> Filter {
    let related = || {
        let (account, proxy) = (AccountUserField::Account, RelationshipField::Proxy);
        let relationship = Filter::text(RelationshipField::Id, id);
        users(Filter::within(account, Table::Relationships, proxy, relationship))
    };
    match (param, named_type) {
        ("patient" | "link", Some(ResourceType::Patient)) | ("patient", None) => of(id),
        ("relatedperson" | "link", Some(ResourceType::RelatedPerson)) | ("relatedperson", None) => related(),
        ("link", None) => Filter::Any(vec![of(id), related()]),
        _ => Filter::NOTHING,
    }
}
