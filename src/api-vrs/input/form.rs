//! The form of an access request (contract §4.5): the type of answer to each question. An unknown item is
//! ignored; an answer of a wrong type is refused.

/// The content of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
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
const QUESTIONS: [(&str, ItemKind); 34] = [
    ("relatedPerson", ItemKind::Group),
    ("relatedPerson_identifier", ItemKind::Text),
    ("relatedPerson_name", ItemKind::Group),
    ("relatedPerson_name_first", ItemKind::Text),
    ("relatedPerson_name_family", ItemKind::Text),
    ("relatedPerson_birthDate", ItemKind::Date),
    ("relatedPerson_basisForAccess", ItemKind::Coding(1, BASES, &["PRN", "Personal", "002"])),
    (
        "relatedPerson_relationship",
        ItemKind::Coding(
            1,
            RELATIONSHIPS,
            &["PRN", "CHILD", "SPS", "FAMMEMB", "FRND", "CAREGIVER", "SIGOTHR"],
        ),
    ),
    ("relatedPerson_relationshipMoreinfo", ItemKind::Text),
    ("patient", ItemKind::Group),
    ("patient_identifier", ItemKind::Text),
    ("patient_name", ItemKind::Group),
    ("patient_name_first", ItemKind::Text),
    ("patient_name_family", ItemKind::Text),
    ("patient_birthDate", ItemKind::Date),
    ("requestedAccess", ItemKind::Group),
    (
        "requestedAccess_accessLevel",
        ItemKind::Coding(
            ANY_NUMBER,
            ACCESS,
            &["PRESCR", "APPT", "RECRD", "TEST", "VACC", "COND", "CONSULT", "DOCS"],
        ),
    ),
    ("requestedAccess_accessLevelMoreinfo", ItemKind::Text),
    (
        "requestedAccess_reasonsForAccess",
        ItemKind::Coding(
            ANY_NUMBER,
            REASONS,
            &["COMB", "MHEA", "PHYS", "PRAC", "TECH", "NEUR", "LRN", "OTHR", "NotSpecified"],
        ),
    ),
    ("requestedAccess_reasonsForAccessMoreinfo", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails", ItemKind::Group),
    (
        "parentalApplicationSupplementaryDetails_evidenceOfResponsibility",
        ItemKind::Coding(
            1,
            EVIDENCE,
            &["BRTH", "ADPT", "PRNA", "SPRNA", "PORD", "SGORD", "OTHCOURT", "OTHR"],
        ),
    ),
    ("parentalApplicationSupplementaryDetails_evidenceOfResponsibilityMoreinfo", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_isCurrentAddressConfirmed", ItemKind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_liveAtSameAddress", ItemKind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_canChildConsent", ItemKind::TextOrBoolean),
    ("parentalApplicationSupplementaryDetails_reasonNoChildConsent", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress", ItemKind::Group),
    ("parentalApplicationSupplementaryDetails_newAddress_line1", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_line2", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_line3", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_city", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_district", ItemKind::Text),
    ("parentalApplicationSupplementaryDetails_newAddress_postalCode", ItemKind::Text),
];

/// The content that an item may have; `None` for an item that the form lacks.
pub(super) fn kind_of(link_id: &str) -> Option<ItemKind> {
    QUESTIONS.iter().find(|(known, _)| *known == link_id).map(|(_, kind)| *kind)
}
