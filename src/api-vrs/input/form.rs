//! The form of an access request (contract §4.5): the type of answer to each question. An unknown item is
//! ignored; an answer of a wrong type is refused.

/// The content of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Other items.
    Group,
    /// At most one text.
    Text,
    /// At most one text or Boolean: the schema and its examples disagree.
    TextOrBoolean,
    /// At most one date.
    Date,
    /// At most this many codings, each with one of these systems and one of these codes.
    Coding(usize, &'static [&'static str], &'static [&'static str]),
}

const ANY_NUMBER: usize = usize::MAX;

const BASES: &[&str] = &[ROLE_CODE, UK_CORE, "https://fhir.nhs.uk/STU3/CodeSystem/RARecord-ProxyRole-1"];
const RELATIONSHIPS: &[&str] = &[ROLE_CODE, "http://terminology.hl7.org/CodeSystem/v3-RoleClass", UK_CORE];
const ACCESS: &[&str] = &["https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-RequestedAccess"];
const REASONS: &[&str] = &["https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-ReasonForAccess"];
const EVIDENCE: &[&str] = &["https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-EvidenceOfResponsibility"];
const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
const UK_CORE: &str = "https://fhir.hl7.org.uk/CodeSystem/UKCore-AdditionalPersonRelationshipRole";

/// Every question: its `linkId` and its content.
const QUESTIONS: [(&str, Kind); 34] = [
    ("relatedPerson", Kind::Group),
    ("relatedPerson_identifier", Kind::Text),
    ("relatedPerson_name", Kind::Group),
    ("relatedPerson_name_first", Kind::Text),
    ("relatedPerson_name_family", Kind::Text),
    ("relatedPerson_birthDate", Kind::Date),
    ("relatedPerson_basisForAccess", Kind::Coding(1, BASES, &["PRN", "Personal", "002"])),
    (
        "relatedPerson_relationship",
        Kind::Coding(1, RELATIONSHIPS, &["PRN", "CHILD", "SPS", "FAMMEMB", "FRND", "CAREGIVER", "SIGOTHR"]),
    ),
    ("relatedPerson_relationshipMoreinfo", Kind::Text),
    ("patient", Kind::Group),
    ("patient_identifier", Kind::Text),
    ("patient_name", Kind::Group),
    ("patient_name_first", Kind::Text),
    ("patient_name_family", Kind::Text),
    ("patient_birthDate", Kind::Date),
    ("requestedAccess", Kind::Group),
    (
        "requestedAccess_accessLevel",
        Kind::Coding(
            ANY_NUMBER,
            ACCESS,
            &["PRESCR", "APPT", "RECRD", "TEST", "VACC", "COND", "CONSULT", "DOCS"],
        ),
    ),
    ("requestedAccess_accessLevelMoreinfo", Kind::Text),
    (
        "requestedAccess_reasonsForAccess",
        Kind::Coding(
            ANY_NUMBER,
            REASONS,
            &["COMB", "MHEA", "PHYS", "PRAC", "TECH", "NEUR", "LRN", "OTHR", "NotSpecified"],
        ),
    ),
    ("requestedAccess_reasonsForAccessMoreinfo", Kind::Text),
    ("parentalApplicationSupplementaryDetails", Kind::Group),
    (
        "parentalApplicationSupplementaryDetails_evidenceOfResponsibility",
        Kind::Coding(1, EVIDENCE, &["BRTH", "ADPT", "PRNA", "SPRNA", "PORD", "SGORD", "OTHCOURT", "OTHR"]),
    ),
    ("parentalApplicationSupplementaryDetails_evidenceOfResponsibilityMoreinfo", Kind::Text),
    ("parentalApplicationSupplementaryDetails_isCurrentAddressConfirmed", Kind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_liveAtSameAddress", Kind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_canChildConsent", Kind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_reasonNoChildConsent", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress", Kind::Group),
    ("parentalApplicationSupplementaryDetails_newAddress_line1", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_line2", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_line3", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_city", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_district", Kind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_postalCode", Kind::Text),
];

/// The content that an item may have; `None` for an item that the form lacks.
pub(super) fn kind_of(link_id: &str) -> Option<Kind> {
    QUESTIONS.iter().find(|(known, _)| *known == link_id).map(|(_, kind)| *kind)
}
