//! A role as a Consent (contract §4.1).

use serde_json::{Map, Value, json};

use crate::resource::bundle::Bundle;
use crate::resource::identifier::nhs_identifier;
use crate::resource::patient::{ProofingDisplay, patient};
use crate::resource::related_person::related_person;
use crate::url;
use base::date_time::{FhirDateTime, render_instant};
use domain::proxy::{LegalBasis, Role, Versioned};
use service::proxy::query::RolesFound;

/// Renders a role. The result is valid R4: an actor has a `role`, which the contract's examples lack.
fn consent(role: &Versioned<Role>) -> Value {
    let Versioned { value: role, updated_at, .. } = role;
    let proxy = nhs_identifier(role.proxy);
    json!({
        "resourceType": "Consent",
        "id": role.id.to_string(),
        "meta": { "lastUpdated": render_instant(*updated_at) },
        "extension": extensions(role),
        "status": role.status.as_str(),
        "scope": { "coding": [{
            "system": url::CONSENT_SCOPE, "code": "patient-privacy", "display": "Privacy Consent",
        }]},
        "category": [{ "coding": [{
            "system": url::ACT_CODE, "code": "INFA", "display": "information access",
        }]}],
        "patient": { "type": "Patient", "identifier": nhs_identifier(role.patient) },
        "dateTime": role.created.text(),
        "performer": [{ "identifier": proxy }],
        "policy": [{ "authority": url::POLICY_AUTHORITY, "uri": url::POLICY_URI }],
        "policyRule": policy_rule(role.legal_basis),
        "provision": provision(role),
    })
}

fn provision(role: &Role) -> Value {
    let mut provision = Map::new();
    provision.insert("type".to_owned(), "permit".into());
    let bounds = [("start", &role.period.start), ("end", &role.period.end)];
    let period: Map<String, Value> = bounds
        .into_iter()
        .filter_map(|(name, at)| at.as_ref().map(|at| (name.to_owned(), FhirDateTime::text(at).into())))
        .collect();
    if !period.is_empty() {
        provision.insert("period".to_owned(), Value::Object(period));
    }
    let actor = json!([{
        "role": { "coding": [{
            "system": url::PARTICIPATION_TYPE, "code": "IRCP", "display": "information recipient",
        }]},
        "reference": { "type": "RelatedPerson", "identifier": nhs_identifier(role.proxy) },
    }]);
    provision.insert("actor".to_owned(), actor);
    Value::Object(provision)
}

fn policy_rule(basis: LegalBasis) -> Value {
    let system = if basis == LegalBasis::Unknown { url::NULL_FLAVOR } else { url::LEGAL_BASIS };
    json!({ "coding": [{ "system": system, "code": basis.code(), "display": basis.display() }] })
}

fn extensions(role: &Role) -> Vec<Value> {
    let code = role.reason.code();
    let mut concept = json!({ "coding": [{
        "system": url::STATUS_REASON, "code": code.code(), "display": code.display(),
    }]});
    if let (Some(text), Some(concept)) = (role.reason.text(), concept.as_object_mut()) {
        concept.insert("text".to_owned(), text.into());
    }
    let reason = json!({ "url": url::STATUS_REASON_EXTENSION, "valueCodeableConcept": concept });
    let grantor = role.grantor.as_ref().map(|grantor| {
        json!({
            "url": url::GRANTOR_EXTENSION,
            "valueReference": {
                "type": "Organization",
                "identifier": { "system": url::ODS_CODE, "value": grantor.as_str() },
            },
        })
    });
    [reason].into_iter().chain(grantor).collect()
}

/// Roles and their includes as a searchset: the roles, the people, the relationships.
pub(crate) fn consent_bundle(base: String, found: &RolesFound) -> Bundle {
    let mut bundle = Bundle::new(base);
    found.roles.iter().for_each(|role| bundle.matched(consent(role)));
    found.people.iter().for_each(|person| bundle.included(patient(person, ProofingDisplay::Shown)));
    found.relationships.iter().for_each(|found| bundle.included(related_person(found, None)));
    bundle
}
