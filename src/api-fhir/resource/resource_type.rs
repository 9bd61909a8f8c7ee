//! The names of the resource types of this API.

use fhir::profiles;

/// A resource type of this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ResourceType {
    Consent,
    RelatedPerson,
    QuestionnaireResponse,
    Patient,
    Person,
    Questionnaire,
    StructureDefinition,
    CodeSystem,
    ValueSet,
    SearchParameter,
    OperationDefinition,
    AuditEvent,
    Provenance,
    Subscription,
    Basic,
}

impl ResourceType {
    /// Every type.
    pub(crate) const ALL: [Self; 15] = [
        Self::Consent,
        Self::RelatedPerson,
        Self::QuestionnaireResponse,
        Self::Patient,
        Self::Person,
        Self::Questionnaire,
        Self::StructureDefinition,
        Self::CodeSystem,
        Self::ValueSet,
        Self::SearchParameter,
        Self::OperationDefinition,
        Self::AuditEvent,
        Self::Provenance,
        Self::Subscription,
        Self::Basic,
    ];

    /// FHIR's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Consent => "Consent",
            Self::RelatedPerson => "RelatedPerson",
            Self::QuestionnaireResponse => "QuestionnaireResponse",
            Self::Patient => "Patient",
            Self::Person => "Person",
            Self::Questionnaire => "Questionnaire",
            Self::StructureDefinition => "StructureDefinition",
            Self::CodeSystem => "CodeSystem",
            Self::ValueSet => "ValueSet",
            Self::SearchParameter => "SearchParameter",
            Self::OperationDefinition => "OperationDefinition",
            Self::AuditEvent => "AuditEvent",
            Self::Provenance => "Provenance",
            Self::Subscription => "Subscription",
            Self::Basic => "Basic",
        }
    }

    /// Parses a name; it is case-sensitive (G-02).
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The profile of its resources.
    pub(crate) const fn profile(self) -> Option<&'static str> {
        match self {
            Self::Consent => Some(profiles::PROXY_ROLE),
            Self::RelatedPerson => Some(profiles::PROXY_RELATIONSHIP),
            Self::QuestionnaireResponse => Some(profiles::ACCESS_REQUEST),
            Self::Patient
            | Self::Person
            | Self::Questionnaire
            | Self::StructureDefinition
            | Self::CodeSystem
            | Self::ValueSet
            | Self::SearchParameter
            | Self::OperationDefinition
            | Self::AuditEvent
            | Self::Provenance
            | Self::Subscription
            | Self::Basic => None,
        }
    }

    /// Whether one statement finds and reads a resource of this type.
    pub(crate) const fn is_read_at_once(self) -> bool {
        matches!(self, Self::Consent)
    }

    /// Whether its resources are stored as the documents that clients sent.
    pub(crate) const fn is_a_document(self) -> bool {
        matches!(self, Self::QuestionnaireResponse | Self::Subscription)
    }
}

/// The types of a patient's compartment on this server. Audit records come last: they are the most.
pub(crate) const COMPARTMENT: &[ResourceType] = &[
    ResourceType::Consent,
    ResourceType::RelatedPerson,
    ResourceType::QuestionnaireResponse,
    ResourceType::Provenance,
    ResourceType::AuditEvent,
];

/// FHIR's `id`: 1 to 64 letters, digits, hyphens and full stops.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        && !text.starts_with('_')
        && !text.starts_with('$')
}
