//! The format of `onbehalf seed`: people, relationships, roles and access requests as JSON. Its example
//! is `examples/people.json`; `examples/sandbox-data.json` has every kind of entry.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use base::date_time::FhirDateTime;
use domain::person::{HumanName, NameUse, NhsNumber, NumberCheck, Person, Standing};
use domain::proxy::relationship::RelationshipCode;
use domain::proxy::{
    AccessRequest, Applicant, LegalBasis, OdsCode, ReasonCode, ReferenceCode, Relationship, Role, RolePeriod,
    Status, StatusReason,
};
use service::proxy::Seed;

/// A seed file, parsed but not yet validated. An unknown member is refused: a misspelt one would otherwise be
/// ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedFile {
    /// Remarks for readers.
    #[serde(default, rename = "about")]
    _about: IgnoredAny,
    #[serde(default, rename = "people_that_must_not_exist")]
    _people_that_must_not_exist: IgnoredAny,
    #[serde(default, rename = "consents_that_must_not_exist")]
    _consents_that_must_not_exist: IgnoredAny,
    #[serde(default, rename = "access_requests_that_must_not_exist")]
    _access_requests_that_must_not_exist: IgnoredAny,
    #[serde(default)]
    people: Vec<PersonEntry>,
    #[serde(default)]
    relationships: Vec<RelationshipEntry>,
    #[serde(default)]
    consents: Vec<RoleEntry>,
    #[serde(default)]
    access_requests: Vec<RequestEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonEntry {
    /// For readers of the file, like the five below: the service ignores them.
    #[serde(default, rename = "note")]
    _note: IgnoredAny,
    #[serde(default, rename = "address")]
    _address: IgnoredAny,
    #[serde(default, rename = "gender")]
    _gender: IgnoredAny,
    #[serde(default, rename = "identity_proofing")]
    _identity_proofing: IgnoredAny,
    #[serde(default, rename = "mod11_valid")]
    _mod11_valid: IgnoredAny,
    #[serde(default, rename = "telecom")]
    _telecom: IgnoredAny,
    nhs_number: String,
    name: NameEntry,
    birth_date: Option<String>,
    gp_ods: Option<String>,
    standing: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameEntry {
    #[serde(rename = "use")]
    name_use: String,
    family: Option<String>,
    #[serde(default)]
    given: Vec<String>,
    #[serde(default)]
    prefix: Vec<String>,
    #[serde(default)]
    suffix: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelationshipEntry {
    id: String,
    proxy: String,
    patient: String,
    relationship: Vec<CodeEntry>,
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeEntry {
    system: String,
    code: String,
    display: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    #[serde(default, rename = "note")]
    _note: IgnoredAny,
    id: String,
    performer: String,
    patient: String,
    status: String,
    status_reason: ReasonEntry,
    legal_basis: String,
    grantor_ods: Option<String>,
    period: PeriodEntry,
    date_time: String,
    last_updated: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonEntry {
    code: String,
    #[serde(default, rename = "display")]
    _display: IgnoredAny,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeriodEntry {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestEntry {
    id: String,
    reference_code: String,
    source_type: String,
    source: String,
    subject: String,
    authored: String,
    #[serde(default = "form")]
    questionnaire: String,
    answers: Map<String, Value>,
}

fn form() -> String {
    "Questionnaire/cc4a3f9e-6a1d-4f2b-9d8e-0f5f6f3d9c11".to_owned()
}

impl SeedFile {
    /// Parses the JSON.
    ///
    /// # Errors
    ///
    /// It is not in this format; the message says where.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.trim_start().starts_with('{') {
            return Err("not a JSON object".to_owned());
        }
        let seed: Self = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let place = format!("line {}, column {}", error.line(), error.column());
            // Most messages quote the value; these name only a member of the format.
            if ["missing field", "duplicate field"].iter().any(|start| message.starts_with(start)) {
                message
            } else if message.starts_with("unknown field") {
                format!("{place}: an unknown member")
            } else if error.is_eof() {
                format!("{place}: the JSON ends too early")
            } else {
                format!("{place}: a value of the wrong type")
            }
        })?;
        let lists =
            [seed.people.len(), seed.relationships.len(), seed.consents.len(), seed.access_requests.len()];
        if lists.iter().all(|length| *length == 0) {
            return Err(
                "nothing to seed: none of people, relationships, consents and access_requests".to_owned()
            );
        }
        Ok(seed)
    }

    /// Validates every value.
    ///
    /// # Errors
    ///
    /// The first wrong entry, by its kind and position. The message contains none of its values, which could
    /// be personal data.
    pub fn read(self, check: NumberCheck) -> Result<Seed, String> {
        Ok(Seed {
            people: each("people", self.people, |entry| entry.read(check))?,
            relationships: each("relationships", self.relationships, |entry| entry.read(check))?,
            roles: each("consents", self.consents, |entry| entry.read(check))?,
            access_requests: each("access_requests", self.access_requests, |entry| entry.read(check))?,
        })
    }
}

/// What is wrong with an entry, in a few words.
type Wrong = &'static str;

fn each<E, T>(list: &str, entries: Vec<E>, read: impl Fn(E) -> Result<T, Wrong>) -> Result<Vec<T>, String> {
    let numbered = (1..).zip(entries);
    numbered
        .map(|(at, entry)| read(entry).map_err(|wrong| format!("{list}, entry {at}: wrong {wrong}")))
        .collect()
}

fn number(text: &str, check: NumberCheck) -> Result<NhsNumber, Wrong> {
    NhsNumber::parse(text, check).or(Err("NHS number"))
}

fn date_time(text: &str) -> Result<FhirDateTime, Wrong> {
    FhirDateTime::parse(text).or(Err("date"))
}

fn ods_code(text: Option<String>) -> Result<Option<OdsCode>, Wrong> {
    text.map(|code| OdsCode::parse(&code).or(Err("ODS code"))).transpose()
}

impl PersonEntry {
    fn read(self, check: NumberCheck) -> Result<Person, Wrong> {
        let NameEntry { name_use, family, given, prefix, suffix } = self.name;
        let name_use = NameUse::parse(&name_use).ok_or("use of a name")?;
        Ok(Person {
            nhs_number: number(&self.nhs_number, check)?,
            standing: match self.standing {
                Some(standing) => Standing::parse(&standing).ok_or("standing")?,
                None => Standing::Current,
            },
            names: vec![HumanName { name_use, family, given, prefix, suffix }],
            birth_date: self.birth_date.as_deref().map(date_time).transpose()?,
            practice: ods_code(self.gp_ods)?,
            died_at: None,
            version: 1,
            updated_at: DateTime::UNIX_EPOCH,
        })
    }
}

impl RelationshipEntry {
    fn read(self, check: NumberCheck) -> Result<Relationship, Wrong> {
        let code = |entry: CodeEntry| RelationshipCode {
            system: entry.system,
            code: entry.code,
            display: entry.display,
        };
        Ok(Relationship {
            id: self.id,
            proxy: number(&self.proxy, check)?,
            patient: number(&self.patient, check)?,
            codes: self.relationship.into_iter().map(code).collect(),
            active: true,
            verified: self.verified,
        })
    }
}

impl RoleEntry {
    fn read(self, check: NumberCheck) -> Result<(Role, DateTime<Utc>), Wrong> {
        let code = ReasonCode::parse(&self.status_reason.code).ok_or("status reason")?;
        let role = Role {
            id: Uuid::parse_str(&self.id).or(Err("id"))?,
            proxy: number(&self.performer, check)?,
            patient: number(&self.patient, check)?,
            status: Status::parse(&self.status).ok_or("status")?,
            reason: StatusReason::new(code, self.status_reason.text).or(Err("status reason"))?,
            legal_basis: LegalBasis::parse(&self.legal_basis).ok_or("legal basis")?,
            grantor: ods_code(self.grantor_ods)?,
            period: RolePeriod {
                start: self.period.start.as_deref().map(date_time).transpose()?,
                end: self.period.end.as_deref().map(date_time).transpose()?,
            },
            created: date_time(&self.date_time)?,
            needs_review: false,
        };
        if role.status == Status::Active && role.grantor.is_none() {
            return Err("grantor: an active role has one");
        }
        Ok((role, date_time(&self.last_updated)?.earliest()))
    }
}

impl RequestEntry {
    fn read(self, check: NumberCheck) -> Result<AccessRequest, Wrong> {
        let applicant = Applicant::parse(&self.source_type).ok_or("source_type")?;
        let (source, patient) = (number(&self.source, check)?, number(&self.subject, check)?);
        let proxy = match applicant {
            Applicant::Proxy => source,
            Applicant::Patient => {
                let named = self.answers.get("relatedPerson_identifier").and_then(Value::as_str);
                number(named.unwrap_or_default(), check)?
            }
        };
        Ok(AccessRequest {
            id: Uuid::parse_str(&self.id).or(Err("id"))?,
            reference_code: ReferenceCode::parse(&self.reference_code).ok_or("reference code")?,
            status: "completed".to_owned(),
            applicant,
            proxy,
            patient,
            authored: date_time(&self.authored)?,
            document: self.document().to_string(),
            questionnaire: self.questionnaire,
        })
    }

    /// The QuestionnaireResponse with these answers.
    fn document(&self) -> Value {
        let person = |kind: &str, number: &str| {
            let identifier = json!({ "system": "https://fhir.nhs.uk/Id/nhs-number", "value": number });
            json!({ "type": kind, "identifier": identifier })
        };
        let groups = ["relatedPerson", "patient", "requestedAccess"].map(|group| {
            let of_group = |link_id: &str| link_id.split('_').next() == Some(group);
            let answers = self.answers.iter().filter(|(link_id, _)| of_group(link_id));
            let (name, others): (Vec<_>, Vec<_>) =
                answers.partition(|(link_id, _)| link_id.contains("_name_"));
            let mut items: Vec<Value> =
                others.into_iter().map(|(link_id, answer)| item(link_id, answer)).collect();
            if !name.is_empty() {
                let parts: Vec<Value> =
                    name.into_iter().map(|(link_id, answer)| item(link_id, answer)).collect();
                items.push(json!({ "linkId": format!("{group}_name"), "text": "Name", "item": parts }));
            }
            json!({ "linkId": group, "text": group, "item": items })
        });
        json!({
            "resourceType": "QuestionnaireResponse",
            "questionnaire": self.questionnaire,
            "status": "completed",
            "subject": person("Patient", &self.subject),
            "authored": self.authored,
            "source": person(&self.source_type, &self.source),
            "item": groups,
        })
    }
}

/// One answered question. An array becomes codings, and so does the answer to a question of type code.
fn item(link_id: &str, answer: &Value) -> Value {
    const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    const PLACEHOLDER: &str = "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-";
    let system = match link_id {
        "relatedPerson_basisForAccess" | "relatedPerson_relationship" => Some(ROLE_CODE.to_owned()),
        "requestedAccess_accessLevel" => Some(format!("{PLACEHOLDER}RequestedAccess")),
        "requestedAccess_reasonsForAccess" => Some(format!("{PLACEHOLDER}ReasonForAccess")),
        _ => None,
    };
    let render = |value: &Value| match &system {
        Some(system) => json!({ "valueCoding": { "system": system, "code": value } }),
        None if link_id.ends_with("_birthDate") => json!({ "valueDate": value }),
        None => json!({ "valueString": value }),
    };
    let answers: Vec<Value> =
        answer.as_array().map_or_else(|| vec![render(answer)], |values| values.iter().map(render).collect());
    json!({ "linkId": link_id, "text": link_id, "answer": answers })
}
