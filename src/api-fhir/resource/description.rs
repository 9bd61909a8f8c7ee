//! How the resources of each type are found. Search stands above this, and below what loads and writes resources: a
//! Subscription is read by what its criteria find.

use super::kind::{Backing, Description};
use super::resource_type::ResourceType;
use super::{
    audit_event, consent, library, patient, person, provenance, questionnaire_response, related_person,
    subscription,
};
use crate::search::param::Param;
use store::search::Table;

impl ResourceType {
    /// How its resources are found.
    const fn description(self) -> &'static Description {
        match self {
            Self::Consent => &consent::DESCRIPTION,
            Self::RelatedPerson => &related_person::DESCRIPTION,
            Self::QuestionnaireResponse => &questionnaire_response::DESCRIPTION,
            Self::Patient => &patient::DESCRIPTION,
            Self::Person => &person::DESCRIPTION,
            Self::Questionnaire => &library::QUESTIONNAIRE,
            Self::StructureDefinition => &library::STRUCTURE_DEFINITION,
            Self::CodeSystem => &library::CODE_SYSTEM,
            Self::ValueSet => &library::VALUE_SET,
            Self::SearchParameter => &library::SEARCH_PARAMETER,
            Self::OperationDefinition => &library::OPERATION_DEFINITION,
            Self::AuditEvent => &audit_event::DESCRIPTION,
            Self::Provenance => &provenance::DESCRIPTION,
            Self::Subscription => &subscription::description::DESCRIPTION,
            Self::Basic => &library::BASIC,
        }
    }

    /// Where its resources come from.
    pub(crate) const fn backing(self) -> Backing {
        self.description().backing
    }

    /// The table of its rows, and that of their versions, where it has both.
    pub(crate) const fn tables(self) -> Option<(Table, Table)> {
        match self.description().backing {
            Backing::Rows { table, versions: Some(versions), .. } => Some((table, versions)),
            Backing::Rows { versions: None, .. } | Backing::Library => None,
        }
    }

    /// The search parameters of the type, but for those that every type has.
    pub(crate) const fn params(self) -> &'static [Param] {
        self.description().params
    }
}

impl Param {
    /// The parameter of a type by this name.
    pub(crate) fn find(kind: ResourceType, name: &str) -> Option<&'static Self> {
        kind.params().iter().find(|param| param.name == name)
    }
}
