//! How the resources of each type are found. Search depends on this; loading and writing resources depends on
//! search, because a Subscription's criteria are a search.

use super::definition::{Description, Storage};
use super::resource_type::ResourceType;
use super::{
    audit_event, consent, library, patient, person, provenance, questionnaire_response, related_person,
    subscription,
};
use crate::search::param::Param;
use store::search::Table;

impl ResourceType {
    /// The description of the type.
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

    /// The storage of its resources.
    pub(crate) const fn storage(self) -> Storage {
        self.description().storage
    }

    /// The table of its rows, and that of their versions, where it has both.
    pub(crate) const fn tables(self) -> Option<(Table, Table)> {
        match self.description().storage {
            Storage::Rows { table, versions: Some(versions), .. } => Some((table, versions)),
            Storage::Rows { versions: None, .. } | Storage::Library => None,
        }
    }

    /// The search parameters of the type, without the common ones.
    pub(crate) const fn params(self) -> &'static [Param] {
        self.description().params
    }
}

impl Param {
    /// The parameter of a type with this name.
    pub(crate) fn find(kind: ResourceType, name: &str) -> Option<&'static Self> {
        kind.params().iter().find(|param| param.name == name)
    }
}
