//! A role as a Consent.

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

use super::element::{CodeableConcept, Coding, Identifier, Meta, PersonReference, Text};
use crate::resource::resource_type::ResourceType;
use crate::url;
use base::date_time::FhirDateTime;
use domain::proxy::{LegalBasis, Role, Versioned};

const SCOPE: CodeableConcept<'static> =
    CodeableConcept::new(url::CONSENT_SCOPE, "patient-privacy", "Privacy Consent");
const CATEGORY: CodeableConcept<'static> = CodeableConcept::new(url::ACT_CODE, "INFA", "information access");
const RECIPIENT: CodeableConcept<'static> =
    CodeableConcept::new(url::PARTICIPATION_TYPE, "IRCP", "information recipient");
const REVIEW_DUE: Coding<'static> =
    Coding { system: Cow::Borrowed(url::ROLE_REVIEW), code: "review-due", display: Some("Review due") };

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Consent<'r> {
    resource_type: &'static str,
    id: Text<Uuid>,
    meta: Meta,
    extension: Vec<Extension<'r>>,
    status: &'static str,
    scope: CodeableConcept<'static>,
    category: [CodeableConcept<'static>; 1],
    patient: PersonReference<'r>,
    date_time: &'r str,
    performer: [PersonReference<'r>; 1],
    policy: [Policy; 1],
    policy_rule: CodeableConcept<'static>,
    provision: Provision<'r>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extension<'r> {
    url: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_codeable_concept: Option<CodeableConcept<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_reference: Option<Organisation<'r>>,
}

/// A logical reference to an organisation.
#[derive(Debug, Serialize)]
struct Organisation<'r> {
    r#type: &'static str,
    identifier: Identifier<'r>,
}

#[derive(Debug, Serialize)]
struct Policy {
    authority: &'static str,
    uri: &'static str,
}

#[derive(Debug, Serialize)]
struct Provision<'r> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<Period<'r>>,
    actor: [Actor<'r>; 1],
}

#[derive(Debug, Serialize)]
struct Period<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'r str>,
}

#[derive(Debug, Serialize)]
struct Actor<'r> {
    role: CodeableConcept<'static>,
    reference: PersonReference<'r>,
}

impl<'r> Consent<'r> {
    pub(super) fn of(role: &'r Versioned<Role>) -> Self {
        let Versioned { value, version, updated_at } = role;
        let mut meta = Meta::new(ResourceType::Consent, *version, *updated_at);
        meta.tag = value.needs_review.then_some([REVIEW_DUE]);
        let basis = value.legal_basis;
        let system = if basis == LegalBasis::Unknown { url::NULL_FLAVOR } else { url::LEGAL_BASIS };
        Self {
            resource_type: ResourceType::Consent.name(),
            id: Text(value.id),
            meta,
            extension: extensions(value),
            status: value.status.as_str(),
            scope: SCOPE,
            category: [CATEGORY],
            patient: PersonReference::to(&value.patient),
            date_time: value.created.text(),
            performer: [PersonReference::to(&value.proxy)],
            policy: [Policy { authority: url::POLICY_AUTHORITY, uri: url::POLICY_URI }],
            policy_rule: CodeableConcept::new(system, basis.code(), basis.display()),
            provision: provision(value),
        }
    }
}

fn extensions(role: &Role) -> Vec<Extension<'_>> {
    let code = role.reason.code();
    let reason = CodeableConcept {
        text: role.reason.text(),
        ..CodeableConcept::new(url::STATUS_REASON, code.code(), code.display())
    };
    let reason = Extension {
        url: url::STATUS_REASON_EXTENSION,
        value_codeable_concept: Some(reason),
        value_reference: None,
    };
    let grantor = role.grantor.as_ref().map(|grantor| {
        let identifier = Identifier::of_organisation(grantor.as_str());
        Extension {
            url: url::GRANTOR_EXTENSION,
            value_codeable_concept: None,
            value_reference: Some(Organisation { r#type: "Organization", identifier }),
        }
    });
    [reason].into_iter().chain(grantor).collect()
}

fn provision(role: &Role) -> Provision<'_> {
    let (start, end) = (&role.period.start, &role.period.end);
    let period =
        Period { start: start.as_ref().map(FhirDateTime::text), end: end.as_ref().map(FhirDateTime::text) };
    Provision {
        r#type: "permit",
        period: (start.is_some() || end.is_some()).then_some(period),
        actor: [Actor { role: RECIPIENT, reference: PersonReference::to(&role.proxy) }],
    }
}
