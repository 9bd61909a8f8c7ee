//! A person of the registry as a Patient. The demographics service owns it: it is read only here.

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::fhir::resource::{Backing, Kind, ResourceType, Stored, UPDATED, head, nhs_identifier};
use crate::fhir::search::param::{Index, Param, Reference};
use crate::fhir::url;
use crate::person::{HumanName, NhsNumber, Person};
use crate::proxy::OdsCode;
use crate::store::Tx;
use crate::store::search::{Column, Table};

const PRACTICE: Reference =
    Reference { column: Column::text("practice").or_null(), system: url::ODS_CODE, targets: &[] };

pub(super) static KIND: Kind = Kind {
    name: "Patient",
    backing: Backing::Rows { table: Table::People, versions: None, updated_at: UPDATED },
    params: PARAMS,
    profile: None,
    load: |tx, _, ids| load(tx, ids),
    writing: None,
};

/// R4's parameters. The model holds no address, telecom, gender, language, link or death.
const PARAMS: &[Param] = &[
    Param::token(
        "active",
        Index::Constant(&[("http://terminology.hl7.org/CodeSystem/special-values", "true")]),
    ),
    Param::string("address", Index::Absent),
    Param::string("address-city", Index::Absent),
    Param::string("address-country", Index::Absent),
    Param::string("address-postalcode", Index::Absent),
    Param::string("address-state", Index::Absent),
    Param::token("address-use", Index::Absent),
    Param::date(
        "birthdate",
        Index::Date(Column::number("birth_from").or_null(), Column::number("birth_to").or_null()),
    ),
    Param::date("death-date", Index::Absent),
    Param::token(
        "deceased",
        Index::Constant(&[("http://terminology.hl7.org/CodeSystem/special-values", "false")]),
    ),
    Param::token("email", Index::Absent),
    Param::string("family", Index::Names(&["family"])),
    Param::token("gender", Index::Absent),
    Param::reference("general-practitioner", Index::Reference(PRACTICE), &["generalPractitioner"]),
    Param::string("given", Index::Names(&["given"])),
    Param::token("identifier", Index::Token(Some(url::NHS_NUMBER), Column::text("nhs_number"))),
    Param::token("language", Index::Absent),
    Param::reference("link", Index::Absent, &[]),
    Param::string("name", Index::Names(&["family", "given", "prefix", "suffix"])),
    Param::reference("organization", Index::Absent, &[]),
    Param::token("phone", Index::Absent),
    Param::string("phonetic", Index::Names(&["family", "given"])),
    Param::token("telecom", Index::Absent),
];

fn load(tx: &mut Tx<'_>, ids: &[String]) -> Result<Vec<Stored>, Error> {
    let parse = |id: &String| NhsNumber::parse(id, crate::person::NumberCheck::Length).ok();
    let numbers: Vec<NhsNumber> = ids.iter().filter_map(parse).collect();
    Ok(tx.list_current_people(&numbers)?.iter().map(stored).collect())
}

fn stored(person: &Person) -> Stored {
    let id = person.nhs_number.to_string();
    let mut body = head(ResourceType::Patient, &id, 1, person.updated_at);
    body.insert("identifier".to_owned(), json!([nhs_identifier(person.nhs_number)]));
    body.insert("active".to_owned(), true.into());
    if !person.names.is_empty() {
        body.insert("name".to_owned(), person.names.iter().map(name).collect());
    }
    if let Some(birth_date) = &person.birth_date {
        body.insert("birthDate".to_owned(), birth_date.text().into());
    }
    if let Some(practice) = &person.practice {
        body.insert("generalPractitioner".to_owned(), json!([practice_reference(practice)]));
    }
    let body = Value::Object(body);
    Stored { kind: ResourceType::Patient, id, version: 1, updated_at: person.updated_at, body }
}

fn practice_reference(practice: &OdsCode) -> Value {
    json!({
        "type": "Organization",
        "identifier": { "system": url::ODS_CODE, "value": practice.as_str() },
    })
}

fn name(name: &HumanName) -> Value {
    let mut rendered = Map::new();
    rendered.insert("use".to_owned(), name.name_use.as_str().into());
    if let Some(family) = &name.family {
        rendered.insert("family".to_owned(), family.as_str().into());
    }
    for (key, parts) in [("given", &name.given), ("prefix", &name.prefix), ("suffix", &name.suffix)] {
        if !parts.is_empty() {
            rendered.insert(key.to_owned(), json!(parts));
        }
    }
    Value::Object(rendered)
}
