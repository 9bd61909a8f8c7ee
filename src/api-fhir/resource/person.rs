//! A user of the account platform as a Person, linked to their Patient and to their RelatedPersons.

use serde_json::{Value, json};

use crate::resource::kind::{Backing, Description, Kind};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored::{Stored, head, nhs_identifier};
use crate::search::param::{Index, Param};
use base::error::Error;
use store::search::{Field, Table, UserField};
use store::{AccountUser, Tx};

pub(super) static DESCRIPTION: Description = Description {
    backing: Backing::Rows {
        table: Table::Users,
        versions: None,
        updated_at: Field::User(UserField::UpdatedAt),
    },
    params: PARAMS,
};

pub(super) static KIND: Kind = Kind { load: |tx, _, ids| load(tx, ids), select: None, writing: None };

/// R4's parameters. A user's name and birth date are those of the linked Patient.
const PARAMS: &[Param] = &[
    Param::string("address", Index::Absent),
    Param::string("address-city", Index::Absent),
    Param::string("address-country", Index::Absent),
    Param::string("address-postalcode", Index::Absent),
    Param::string("address-state", Index::Absent),
    Param::token("address-use", Index::Absent),
    Param::date("birthdate", Index::Absent),
    Param::token("email", Index::Absent),
    Param::token("gender", Index::Absent),
    Param::token("identifier", Index::Account),
    Param::reference("link", Index::Account, &["link", "target"]),
    Param::string("name", Index::Absent),
    Param::reference("organization", Index::Absent, &[]),
    Param::reference("patient", Index::Account, &["link", "target"]),
    Param::token("phone", Index::Absent),
    Param::string("phonetic", Index::Absent),
    Param::reference("practitioner", Index::Absent, &[]),
    Param::reference("relatedperson", Index::Account, &["link", "target"]),
    Param::token("telecom", Index::Absent),
];

fn load(tx: &mut Tx<'_>, ids: &[String]) -> Result<Vec<Stored>, Error> {
    Ok(tx.list_account_users(ids)?.iter().map(stored).collect())
}

fn stored(user: &AccountUser) -> Stored {
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
    Stored {
        kind: ResourceType::Person,
        id: user.id.clone(),
        version: 1,
        updated_at: user.updated_at,
        people: None,
        body: Value::Object(body),
        document: None,
    }
}
