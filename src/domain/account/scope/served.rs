//! The resource types that this server serves.

/// Each of them; a scope over another type would grant nothing. `tests/it/account/authorize` compares the
/// list with the CapabilityStatement.
pub const SERVED: [&str; 15] = [
    "Consent",
    "RelatedPerson",
    "QuestionnaireResponse",
    "Patient",
    "Person",
    "Questionnaire",
    "StructureDefinition",
    "CodeSystem",
    "ValueSet",
    "SearchParameter",
    "OperationDefinition",
    "AuditEvent",
    "Provenance",
    "Subscription",
    "Basic",
];
