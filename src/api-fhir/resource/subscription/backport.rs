//! Topic-based subscriptions (Subscriptions R5 Backport 1.1): the topic is in `criteria`, and its extensions
//! are filters, all of which must match.

use serde_json::Value;

use super::refusal::{extensions, unsupported, wrong};
use super::topic;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use crate::url;
use domain::event::{FilterName, SubscriptionFilter, Topic};
use domain::person::NhsNumber;
use domain::proxy::{LegalBasis, OdsCode, ReasonCode, Status};

const FILTER: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria";

/// The most filters, and values of one.
const MOST: usize = 20;

/// The statuses of an access request.
const REQUEST_STATUSES: [&str; 5] = ["in-progress", "completed", "amended", "entered-in-error", "stopped"];

/// Reads topic and filters.
pub(super) fn read(
    body: &Value,
    criteria: &str,
    context: &Context,
) -> Result<(Vec<Topic>, Vec<SubscriptionFilter>), Refusal> {
    let topics = topic::topics_of(criteria).ok_or_else(|| {
        let message = "This server has no such topic: the CapabilityStatement lists the topics.";
        unsupported(message, "Subscription.criteria")
    })?;
    let kind = topics.first().map_or(ResourceType::Consent, |topic| topic::type_of(*topic));
    let mut filters = Vec::new();
    for (at, url, extension) in extensions(body.get("_criteria"), "Subscription.criteria") {
        if url != FILTER {
            let message =
                "Write filters as extensions of the type backport-filter-criteria, of the guide for R4.";
            return Err(unsupported(message, at));
        }
        let text = extension.get("valueString").and_then(Value::as_str).unwrap_or_default();
        for part in parts(text, kind, &at)? {
            filters.push(condition(part, kind, &at, context)?);
        }
    }
    if filters.len() > MOST {
        return Err(unsupported("Set at most twenty filters.", "Subscription.criteria.extension"));
    }
    Ok((topics.to_vec(), filters))
}

/// The filters of a text: `status=active`, `Consent.status=active`, `Consent?status=active&patient=…`.
fn parts<'t>(text: &'t str, kind: ResourceType, at: &str) -> Result<Vec<&'t str>, Refusal> {
    let of_other = || unsupported("The events of this topic are not about this type.", at);
    let name_end = text.find('=').unwrap_or(text.len());
    let name = text.get(..name_end).unwrap_or_default();
    if let Some((named, rest)) = text.split_once('?').filter(|(named, _)| named.len() < name.len()) {
        return if named == kind.name() { Ok(rest.split('&').collect()) } else { Err(of_other()) };
    }
    match name.split_once('.') {
        Some((named, _)) if named == kind.name() => Ok(vec![text.get(named.len() + 1..).unwrap_or_default()]),
        Some(_) => Err(of_other()),
        None => Ok(vec![text]),
    }
}

/// One filter: `name[:modifier]=value[,value]`.
fn condition(
    text: &str,
    kind: ResourceType,
    at: &str,
    context: &Context,
) -> Result<SubscriptionFilter, Refusal> {
    let (name, values) = text
        .split_once('=')
        .ok_or_else(|| wrong("A filter must be written name=value, with a comma between values.", at))?;
    let (name, modifier) = match name.split_once(':') {
        Some((name, modifier)) => (name, Some(modifier)),
        None => (name, None),
    };
    let name = FilterName::parse(name).filter(|name| topic::filters_of(kind).contains(name));
    let message = "The events of this topic cannot be filtered like this: the topic's definition (a Basic) lists \
                the filters.";
    let name = name.ok_or_else(|| unsupported(message, at))?;
    let is_reference = matches!(name, FilterName::Patient | FilterName::Proxy);
    if modifier.is_some_and(|modifier| !(is_reference && matches!(modifier, "identifier" | "Patient"))) {
        return Err(unsupported("This filter does not have this modifier.", at));
    }
    let read = values.split(',').map(|value| {
        let value = value.trim();
        plain(name, value, kind, context).ok_or_else(|| wrong(form_of(name), at))
    });
    let values = read.collect::<Result<Vec<String>, Refusal>>()?;
    if values.len() > MOST {
        return Err(wrong("Give at most twenty values.", at));
    }
    Ok(SubscriptionFilter { name, values })
}

/// The message about a malformed value.
const fn form_of(name: FilterName) -> &'static str {
    match name {
        FilterName::Patient | FilterName::Proxy => {
            "Name a person by NHS number: 9000000009, Patient/9000000009, or with the system before it."
        }
        FilterName::Status => "This is not a status of the resources of this topic.",
        FilterName::StatusReason => "This is not a status reason: see England-ConsentStatusReason.",
        FilterName::LegalBasis => "This is not a legal basis: see England-NHSProxyLegalBasis.",
        FilterName::PatientPractice
        | FilterName::ProxyPractice
        | FilterName::Practice
        | FilterName::Grantor => "Name an organisation by ODS code.",
    }
}

/// A value in its normalized form.
fn plain(name: FilterName, value: &str, kind: ResourceType, context: &Context) -> Option<String> {
    let of_system = |system: &str| match value.split_once('|') {
        Some((given, value)) => (url::as_hl7_defines(given) == system).then_some(value),
        None => Some(value),
    };
    match name {
        FilterName::Patient | FilterName::Proxy => {
            let value = context.relative(of_system(url::NHS_NUMBER)?);
            let value = value.strip_prefix("Patient/").unwrap_or(value);
            let number = NhsNumber::parse(value, context.contract.nhs_number_check).ok()?;
            Some(number.to_string())
        }
        FilterName::Status => {
            let is_status = if kind == ResourceType::QuestionnaireResponse {
                REQUEST_STATUSES.contains(&value)
            } else if kind == ResourceType::RelatedPerson {
                matches!(value, "active" | "inactive")
            } else {
                let code = of_system(url::CONSENT_STATE)?;
                Status::ALL.iter().any(|status| status.as_str() == code)
            };
            is_status.then(|| value.rsplit('|').next().unwrap_or(value).to_owned())
        }
        FilterName::StatusReason => {
            let value = of_system(url::STATUS_REASON)?;
            ReasonCode::all().find(|reason| reason.code() == value).map(|reason| reason.code().to_owned())
        }
        FilterName::LegalBasis => {
            let value = value.rsplit('|').next()?;
            LegalBasis::ALL
                .into_iter()
                .find(|basis| basis.code() == value)
                .map(|basis| basis.code().to_owned())
        }
        FilterName::PatientPractice
        | FilterName::ProxyPractice
        | FilterName::Practice
        | FilterName::Grantor => {
            let value = context.relative(of_system(url::ODS_CODE)?);
            let code = OdsCode::parse(value.strip_prefix("Organization/").unwrap_or(value)).ok()?;
            Some(code.as_str().to_owned())
        }
    }
}
