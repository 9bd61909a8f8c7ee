//! The resource types that this server has.

/// Each of them: a scope over another type would be worth nothing. `tests/it/account/authorize` holds the
/// list against the CapabilityStatement.
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
