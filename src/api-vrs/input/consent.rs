//! Reads the Consent of `POST /Consent`: every check in the order of contract §2.3.

use chrono::{DateTime, Utc};
use fhir_codec::CodecResourceType;
use serde_json::{Map, Value, json};

use crate::catalogue;
use crate::input::extension::{BadReason, Extensions, grantor_path, reason_path};
use crate::input::party;
use crate::input::party::Party;
use crate::input::{
    EMPTY_OBJECTS, for_codec, has_empty_object, has_modifier_extension, items, member, only, text,
};
use crate::problem::VrsError;
use crate::url;
use base::date_time::FhirDateTime;
use base::json;
use config::Contract;
use domain::person::NhsNumber;
use domain::proxy::{LegalBasis, RoleDraft, RolePeriod, Status};

/// Reads a new role.
pub(crate) fn read(
    body: &[u8],
    contract: &Contract,
    json_depth: usize,
    now: DateTime<Utc>,
) -> Result<RoleDraft, VrsError> {
    let body = parse(body, json_depth)?;
    let status = text(&body, &["status"]).ok_or_else(|| catalogue::MISSING_STATUS.at("status"))?;
    let status = Status::parse(status).ok_or_else(|| catalogue::INVALID_STATUS.at("status"))?;
    let scope = member(&body, &["scope"]).ok_or_else(|| catalogue::MISSING_SCOPE.at("scope"))?;
    if !has_coding(scope, url::CONSENT_SCOPE, "patient-privacy") {
        return Err(catalogue::INVALID_SCOPE.at("scope"));
    }
    match items(&body, &["category"]) {
        [] => return Err(catalogue::MISSING_CATEGORY.at("category")),
        categories if categories.iter().any(|category| has_coding(category, url::ACT_CODE, "INFA")) => {}
        _ => return Err(catalogue::INVALID_CATEGORY.at("category")),
    }
    let patient = member(&body, &["patient"]).ok_or_else(|| catalogue::MISSING_PATIENT.at("patient"))?;
    let patient = party::read(patient, Party::Patient, contract.nhs_number_check)?;
    let proxy = match items(&body, &["performer"]) {
        [] => return Err(catalogue::MISSING_PERFORMER.at("performer")),
        performers => {
            let performer = only(performers).ok_or_else(|| Party::Performer.invalid())?;
            party::read(performer, Party::Performer, contract.nhs_number_check)?
        }
    };
    let created = text(&body, &["dateTime"]).ok_or_else(|| catalogue::MISSING_DATETIME.at("dateTime"))?;
    let created = FhirDateTime::parse(created).or(Err(catalogue::INVALID_DATETIME.at("dateTime")))?;
    let period = provision(&body, proxy, now)?;
    let legal_basis = match member(&body, &["policyRule"]) {
        None => LegalBasis::Unknown,
        Some(rule) => self::legal_basis(rule).ok_or_else(|| catalogue::BAD_REQUEST.at("policyRule"))?,
    };
    let extensions = Extensions::sort(items(&body, &["extension"]))?;
    let reason = extensions
        .reason(contract)
        .ok_or_else(|| catalogue::MISSING_EXTENSION.at(reason_path()))?
        .map_err(|bad| match bad {
        BadReason::Unknown => catalogue::INVALID_EXTENSION.at(reason_path()),
        BadReason::MissingText => catalogue::MISSING_FREE_TEXT_FOR_OTHER,
    })?;
    let grantor = extensions.grantor()?;
    if status == Status::Active && grantor.is_none() {
        return Err(catalogue::MISSING_GRANTOR.at(grantor_path("")));
    }
    Ok(RoleDraft { proxy, patient, status, reason, legal_basis, grantor, period, created })
}

/// Reads a legal basis: a CodeableConcept, or an array of one as clients of 1.20 to 1.24 send it.
pub(super) fn legal_basis(rule: &Value) -> Option<LegalBasis> {
    let concept = match rule.as_array() {
        Some(rules) => only(rules)?,
        None => rule,
    };
    let coding = only(items(concept, &["coding"]))?;
    let basis = LegalBasis::parse(text(coding, &["code"])?)?;
    let expected = if basis == LegalBasis::Unknown { url::NULL_FLAVOR } else { url::LEGAL_BASIS };
    url::is_same_system(text(coding, &["system"])?, expected).then_some(basis)
}

/// Checks that the actors are the proxy only.
pub(super) fn are_actors_of(actors: &[Value], proxy: NhsNumber) -> bool {
    let names_proxy = |actor: &Value| {
        text(actor, &["reference", "identifier", "system"]) == Some(url::NHS_NUMBER)
            && text(actor, &["reference", "identifier", "value"]) == Some(proxy.as_str())
    };
    actors.iter().all(names_proxy)
}

fn parse(body: &[u8], json_depth: usize) -> Result<Value, VrsError> {
    let not_a_consent = || catalogue::BAD_REQUEST.saying("The supplied input is not a valid FHIR Consent.");
    let body = json::parse_with(body, json_depth, EMPTY_OBJECTS).map_err(|_fault| not_a_consent())?;
    let object = body.as_object().ok_or_else(not_a_consent)?;
    if text(&body, &["resourceType"]) != Some("Consent") || has_modifier_extension(&body) {
        return Err(not_a_consent());
    }
    let document = Value::Object(completed(object));
    if has_empty_object(&document) {
        return Err(not_a_consent());
    }
    fhir_codec::check(CodecResourceType::Consent, &for_codec(&document)).map_err(|_wrong| not_a_consent())?;
    // Elements that the model does not store are refused, not dropped.
    match object.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        Some(unheld) => Err(catalogue::BAD_REQUEST.at(unheld.clone())),
        None => Ok(body),
    }
}

/// The elements that a role stores, and those that the service sets.
const KNOWN: [&str; 16] = [
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "identifier",
    "extension",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "policy",
    "policyRule",
    "provision",
];

/// A copy for the typed R4 validation: elements that R4 requires and that have an error of their own in the
/// contract are filled in, and the older form of `policyRule` is converted.
fn completed(object: &Map<String, Value>) -> Map<String, Value> {
    let mut copy = object.clone();
    let concept = json!({ "text": "-" });
    copy.entry("status").or_insert_with(|| "active".into());
    copy.entry("scope").or_insert_with(|| concept.clone());
    copy.entry("category").or_insert_with(|| json!([concept]));
    if let Some(Value::Array(rules)) = object.get("policyRule")
        && let Some(rule) = only(rules)
    {
        copy.insert("policyRule".to_owned(), rule.clone());
    }
    // An empty reference has its own error: no identifier.
    for extension in copy.get_mut("extension").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(reference) = extension.get_mut("valueReference").and_then(Value::as_object_mut) {
            reference.entry("type").or_insert_with(|| "Organization".into());
        }
    }
    let actors = copy.get_mut("provision").and_then(|provision| provision.get_mut("actor"));
    for actor in actors.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(actor) = actor.as_object_mut() {
            actor.entry("role").or_insert_with(|| json!({ "text": "-" }));
        }
    }
    copy
}

fn has_coding(concept: &Value, system: &str, code: &str) -> bool {
    items(concept, &["coding"]).iter().any(|coding| {
        text(coding, &["code"]) == Some(code)
            && text(coding, &["system"]).is_some_and(|given| url::is_same_system(given, system))
    })
}

/// The period. A provision that denies, or that restricts by anything but time, is not a role.
fn provision(body: &Value, proxy: NhsNumber, now: DateTime<Utc>) -> Result<RolePeriod, VrsError> {
    let Some(provision) = member(body, &["provision"]) else { return Ok(RolePeriod::default()) };
    let members = provision.as_object().into_iter().flatten();
    if let Some((unheld, _)) =
        members.into_iter().find(|(key, _)| !["type", "period", "actor"].contains(&key.as_str()))
    {
        return Err(catalogue::INVALID_PROVISION.at(format!("provision.{unheld}")));
    }
    if text(provision, &["type"]).is_some_and(|kind| kind != "permit") {
        return Err(catalogue::INVALID_PROVISION.at("provision.type"));
    }
    let bound = |name: &'static str| {
        let at = || catalogue::INVALID_PROVISION.at(format!("provision.period.{name}"));
        let value = text(provision, &["period", name]);
        value.map(|value| FhirDateTime::parse(value).map_err(|_wrong| at())).transpose()
    };
    let period = RolePeriod { start: bound("start")?, end: bound("end")? };
    period.check_end(now).map_err(|_bad| catalogue::INVALID_PROVISION.at("provision.period.end"))?;
    if !are_actors_of(items(provision, &["actor"]), proxy) {
        return Err(catalogue::INVALID_PROVISION.at("provision.actor"));
    }
    Ok(period)
}
