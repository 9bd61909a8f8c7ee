//! A user of the account platform as a Person, linked to their Patient and to their `RelatedPerson`s.

use serde_json::{Value, json};

use crate::resource::definition::{Description, ResourceDefinition, Storage};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::{StoredResource, head, nhs_identifier};
use crate::search::param::{Param, SearchTarget};
use base::error::Error;
use store::search::{Field, Table, UserField};
use store::{AccountUser, Tx};

pub(super) static DESCRIPTION: Description = Description {
    storage: Storage::Rows {
        table: Table::Users,
        versions: None,
        updated_at: Field::User(UserField::UpdatedAt),
    },
    params: PARAMS,
};

pub(super) static DEFINITION: ResourceDefinition =
    ResourceDefinition { load: |tx, _, ids| load(tx, ids), select: None, writing: None };

/// R4's parameters. A user's name and birth date are those of the linked Patient.
const PARAMS: &[Param] = &[
    Param::string("address", SearchTarget::Absent),
    Param::string("address-city", SearchTarget::Absent),
    Param::string("address-country", SearchTarget::Absent),
    Param::string("address-postalcode", SearchTarget::Absent),
    Param::string("address-state", SearchTarget::Absent),
    Param::token("address-use", SearchTarget::Absent),
    Param::date("birthdate", SearchTarget::Absent),
    Param::token("email", SearchTarget::Absent),
    Param::token("gender", SearchTarget::Absent),
    Param::token("identifier", SearchTarget::Account),
    Param::reference("link", SearchTarget::Account, &["link", "target"]),
    Param::string("name", SearchTarget::Absent),
    Param::reference("organization", SearchTarget::Absent, &[]),
    Param::reference("patient", SearchTarget::Account, &["link", "target"]),
    Param::token("phone", SearchTarget::Absent),
    Param::string("phonetic", SearchTarget::Absent),
    Param::reference("practitioner", SearchTarget::Absent, &[]),
    Param::reference("relatedperson", SearchTarget::Account, &["link", "target"]),
    Param::token("telecom", SearchTarget::Absent),
];

fn load(tx: &mut Tx<'_>, ids: &[String]) -> Result<Vec<StoredResource>, Error> {
    Ok(tx.list_account_users(ids)?.iter().map(stored).collect())
}

fn stored(user: &AccountUser) -> StoredResource {
    let mut body = head(ResourceType::Person, &user.id, 1, user.updated_at);
    let identifiers: Vec<Value> = user.accounts.iter().map(|number| nhs_identifier(*number)).collect();
    if !identifiers.is_empty() {
        body.insert("identifier".to_owned(), Value::Array(identifiers));
    }
    body.insert("active".to_owned(), true.into());
    let link = |target: String| json!({ "target": { "reference": target } });
    let patients = user.accounts.iter().map(|number| link(format!("Patient/{number}")));
    let related = user.relationships.iter().map(|id| link(format!("RelatedPerson/{id}")));
    let links: Vec<Value> = patients.chain(related).collect();
    if !links.is_empty() {
        body.insert("link".to_owned(), Value::Array(links));
    }
    StoredResource {
        kind: ResourceType::Person,
        id: user.id.clone(),
        version: 1,
        updated_at: user.updated_at,
        people: None,
        body: Value::Object(body).into(),
        document: None,
    }
}
