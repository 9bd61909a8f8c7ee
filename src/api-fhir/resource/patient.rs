//! A person of the registry as a Patient. The demographics service owns it: here it is read-only.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::{Description, ResourceDefinition, Storage};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::{StoredResource, head, nhs_identifier};
use crate::resource::unsupported_elements;
use crate::search::param::{Param, Reference, SearchTarget};
use crate::url;
use base::date_time::FhirDateTime;
use base::error::Error;
use domain::audit::People;
use domain::person::{HumanName, NameUse, NhsNumber, NumberCheck, Person, Standing};
use domain::proxy::OdsCode;
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::{Field, Filter, PersonField, Table};

const PRACTICE: Reference =
    Reference { field: Field::Person(PersonField::Practice), system: url::ODS_CODE, targets: &[] };

pub(super) static DESCRIPTION: Description = Description {
    storage: Storage::Rows {
        table: Table::People,
        versions: None,
        updated_at: Field::Person(PersonField::UpdatedAt),
    },
    params: PARAMS,
};

pub(super) static DEFINITION: ResourceDefinition =
    ResourceDefinition { load: |tx, _, ids| load(tx, ids), select: Some(select), writing: None };

/// R4's parameters. The model has no address, telecom, gender, language, link or date of death.
const PARAMS: &[Param] = &[
    Param::token(
        "active",
        SearchTarget::Constant(&[("http://terminology.hl7.org/CodeSystem/special-values", "true")]),
    ),
    Param::string("address", SearchTarget::Absent),
    Param::string("address-city", SearchTarget::Absent),
    Param::string("address-country", SearchTarget::Absent),
    Param::string("address-postalcode", SearchTarget::Absent),
    Param::string("address-state", SearchTarget::Absent),
    Param::token("address-use", SearchTarget::Absent),
    Param::date(
        "birthdate",
        SearchTarget::Date(Field::Person(PersonField::BornFrom), Field::Person(PersonField::BornTo)),
    ),
    Param::date("death-date", SearchTarget::Absent),
    Param::token("deceased", SearchTarget::HasValue(Field::Person(PersonField::DiedAt))),
    Param::token("email", SearchTarget::Absent),
    Param::string("family", SearchTarget::Names(&["family"])),
    Param::token("gender", SearchTarget::Absent),
    Param::reference("general-practitioner", SearchTarget::Reference(PRACTICE), &["generalPractitioner"]),
    Param::string("given", SearchTarget::Names(&["given"])),
    Param::token(
        "identifier",
        SearchTarget::Token(Some(url::NHS_NUMBER), Field::Person(PersonField::NhsNumber)),
    ),
    Param::token("language", SearchTarget::Absent),
    Param::reference("link", SearchTarget::Absent, &[]),
    Param::string("name", SearchTarget::Names(&["family", "given", "prefix", "suffix"])),
    Param::reference("organization", SearchTarget::Absent, &[]),
    Param::token("phone", SearchTarget::Absent),
    Param::string("phonetic", SearchTarget::Names(&["family", "given"])),
    Param::token("telecom", SearchTarget::Absent),
];

fn load(tx: &mut Tx<'_>, ids: &[String]) -> Result<Vec<StoredResource>, Error> {
    let parse = |id: &String| NhsNumber::parse(id, domain::person::NumberCheck::Length).ok();
    let numbers: Vec<NhsNumber> = ids.iter().filter_map(parse).collect();
    Ok(tx.list_current_people(&numbers)?.iter().map(stored).collect())
}

pub(super) fn select(
    tx: &mut Tx<'_>,
    context: &Context,
    filter: &Filter,
) -> Result<Vec<StoredResource>, Error> {
    Ok(tx.list_visible_people(filter, context.scope())?.iter().map(stored).collect())
}

pub(super) fn stored(person: &Person) -> StoredResource {
    let id = person.nhs_number.to_string();
    let mut body = head(ResourceType::Patient, &id, person.version, person.updated_at);
    body.insert("identifier".to_owned(), json!([nhs_identifier(person.nhs_number)]));
    body.insert("active".to_owned(), true.into());
    if !person.names.is_empty() {
        body.insert("name".to_owned(), person.names.iter().map(name).collect());
    }
    if let Some(birth_date) = &person.birth_date {
        body.insert("birthDate".to_owned(), birth_date.text().into());
    }
    if person.died_at.is_some() {
        // The registry reports the death, not its date.
        body.insert("deceasedBoolean".to_owned(), true.into());
    }
    if let Some(practice) = &person.practice {
        body.insert("generalPractitioner".to_owned(), json!([practice_reference(practice)]));
    }
    let body = Value::Object(body);
    let (kind, version, updated_at) = (ResourceType::Patient, person.version, person.updated_at);
    let people = Some(People { patient: Some(person.nhs_number), proxy: None });
    StoredResource { kind, id, version, updated_at, people, body: body.into(), document: None }
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

/// The person in a validated Patient, with the time of the last change if it has one. Content that a person
/// of the registry cannot have is refused.
pub(crate) fn person_of(body: &Value, check: NumberCheck) -> Result<Person, Refusal> {
    let wrong =
        |at: &str, message: &'static str| Refusal::new(422, Issue::error(IssueType::Value, message).at(at));
    let message = "Give only the NHS number: system https://fhir.nhs.uk/Id/nhs-number.";
    let at = "Patient.identifier";
    let number = match body.get("identifier").and_then(Value::as_array).map(Vec::as_slice) {
        Some([identifier]) if identifier.get("system").and_then(Value::as_str) == Some(url::NHS_NUMBER) => {
            identifier.get("value").and_then(Value::as_str)
        }
        _ => None,
    };
    let number = number.and_then(|number| NhsNumber::parse(number, check).ok());
    let date = |path: &str, at: &str| {
        let text = body.pointer(path).and_then(Value::as_str);
        let parse = |text| FhirDateTime::parse(text).or(Err(wrong(at, "Give a FHIR date.")));
        text.map(parse).transpose()
    };
    let practice = body.pointer("/generalPractitioner/0/identifier/value").and_then(Value::as_str);
    let practice = practice.map(OdsCode::parse).transpose();
    let updated_at = date("/meta/lastUpdated", "Patient.meta.lastUpdated")?
        .map_or(DateTime::UNIX_EPOCH, |at| at.earliest());
    let has_died = body.get("deceasedBoolean").and_then(Value::as_bool) == Some(true);
    let names = body.get("name").and_then(Value::as_array).into_iter().flatten();
    let names: Option<Vec<HumanName>> = names.map(read_name).collect();
    let person = Person {
        nhs_number: number.ok_or_else(|| wrong(at, message))?,
        standing: Standing::Current,
        names: names.ok_or_else(|| {
            wrong("Patient.name", "Give the use of each name: usual, temp, nickname, old or maiden.")
        })?,
        birth_date: date("/birthDate", "Patient.birthDate")?,
        practice: practice
            .or(Err(wrong("Patient.generalPractitioner", "Name the practice by its ODS code.")))?,
        died_at: has_died.then_some(updated_at),
        version: 1,
        updated_at,
    };
    unsupported_elements::check(body, &stored(&person).body.tree())?;
    Ok(person)
}

fn read_name(name: &Value) -> Option<HumanName> {
    let text = |key: &str| name.get(key).and_then(Value::as_str);
    let list = |key: &str| {
        let parts = name.get(key).and_then(Value::as_array).into_iter().flatten();
        parts.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Some(HumanName {
        name_use: NameUse::parse(text("use")?)?,
        family: text("family").map(str::to_owned),
        given: list("given"),
        prefix: list("prefix"),
        suffix: list("suffix"),
    })
}
