//! A relationship as a RelatedPerson.

use serde::Serialize;

use super::element::{CodeableConcept, Coding, Identifier, Meta, PersonReference};
use crate::resource::resource_type::ResourceType;
use crate::url;
use domain::proxy::{Relationship, Versioned};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RelatedPerson<'r> {
    resource_type: &'static str,
    id: &'r str,
    meta: Meta,
    identifier: [Identifier<'r>; 1],
    active: bool,
    patient: PersonReference<'r>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relationship: Vec<CodeableConcept<'r>>,
}

impl<'r> RelatedPerson<'r> {
    pub(super) fn of(relationship: &'r Versioned<Relationship>) -> Self {
        let Versioned { value, version, updated_at } = relationship;
        let kinds = value.codes.iter().map(|code| CodeableConcept {
            coding: [Coding {
                system: url::as_hl7_defines(&code.system),
                code: &code.code,
                display: code.display.as_deref(),
            }],
            text: None,
        });
        Self {
            resource_type: ResourceType::RelatedPerson.name(),
            id: &value.id,
            meta: Meta::new(ResourceType::RelatedPerson, *version, *updated_at),
            identifier: [Identifier::of_person(&value.proxy)],
            active: value.active,
            patient: PersonReference::to(&value.patient),
            relationship: kinds.collect(),
        }
    }
}
