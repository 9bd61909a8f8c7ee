//! Access requests: the application that a proxy may act for a patient.

use std::fmt;

use uuid::Uuid;

use crate::person::nhs_number::NhsNumber;
use base::date_time::FhirDateTime;
use base::ids;

/// An access request (FHIR `QuestionnaireResponse`), stored and returned as it was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// The identifier of the request.
    pub id: Uuid,
    /// The code that the applicant quotes on the phone.
    pub reference_code: ReferenceCode,
    /// The status of the form (`QuestionnaireResponse.status`), `completed` as a rule.
    pub status: String,
    /// Which of the two applies.
    pub applicant: Applicant,
    /// The person who is to act.
    pub proxy: NhsNumber,
    /// The patient.
    pub patient: NhsNumber,
    /// When the form was filled in.
    pub authored: FhirDateTime,
    /// The canonical or relative URL of the form.
    pub questionnaire: String,
    /// The whole document as JSON text. It holds personal data.
    pub document: String,
}

impl AccessRequest {
    /// The applicant's NHS number.
    pub const fn applicant_number(&self) -> NhsNumber {
        match self.applicant {
            Applicant::Proxy => self.proxy,
            Applicant::Patient => self.patient,
        }
    }
}

/// The applicant (FHIR `QuestionnaireResponse.source.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicant {
    /// The proxy applies for themselves (`RelatedPerson`).
    Proxy,
    /// The patient nominates a proxy (`Patient`).
    Patient,
}

impl Applicant {
    /// The FHIR type name of the source.
    pub const fn source_type(self) -> &'static str {
        match self {
            Self::Proxy => "RelatedPerson",
            Self::Patient => "Patient",
        }
    }

    /// Parses a type name.
    pub fn parse(source_type: &str) -> Option<Self> {
        [Self::Proxy, Self::Patient].into_iter().find(|applicant| applicant.source_type() == source_type)
    }
}

const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Ten characters `[0-9A-Z]`, unique among all requests (contract §4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceCode(String);

impl ReferenceCode {
    /// Draws a new code: one of 36^10. The store refuses the rare duplicate.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness.
    pub fn draw() -> Result<Self, getrandom::Error> {
        ids::random_text::<10>(ALPHABET).map(Self)
    }

    /// Parses a code.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == 10 && text.bytes().all(|byte| ALPHABET.contains(&byte));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReferenceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ReferenceCode;

    #[test]
    fn reference_code_round_trip() {
        let code = ReferenceCode::draw().unwrap();
        assert_eq!(ReferenceCode::parse(code.as_str()), Some(code.clone()));
        assert_ne!(ReferenceCode::draw().unwrap(), code);
    }

    #[test]
    fn reference_codes_of_the_contract_are_parsed_and_others_rejected() {
        assert!(ReferenceCode::parse("19318ZGLAB").is_some());
        for text in ["", "19318zglab", "19318ZGLABX", "19318ZGLA", "19318ZGLÄB"] {
            assert!(ReferenceCode::parse(text).is_none(), "{text}");
        }
    }
}
