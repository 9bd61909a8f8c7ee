//! Validation of FHIR R4 (4.0.1) documents by a typed model.
//!
//! fhirbolt's model knows every element of every R4 resource, so one strict parse finds misspelt elements,
//! wrong JSON types and missing mandatory elements. It is also expensive to compile in the crate that calls
//! it (every resource can be `contained` in every other), so this crate hides it behind functions that are
//! not generic: an edit elsewhere never compiles it again.
//!
//! Bytes from outside must be validated before. fhirbolt panics on an empty array and recurses without a
//! limit: the caller has refused `[]`, `{}`, `null` and deep nesting already. A remaining panic is caught and
//! reported as [`NotR4`].

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fhirbolt::model::r4::resources;
use fhirbolt::serde::{DeserializationConfig, DeserializationMode, DeserializeResourceOwned};

/// A resource type that this service reads or writes, named as in FHIR R4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecResourceType {
    /// A set of resources: search results, history, messages.
    Bundle,
    /// A proxy role.
    Consent,
    /// The outcome of a request.
    OperationOutcome,
    /// A person in the registry.
    Patient,
    /// An access request.
    QuestionnaireResponse,
    /// A relationship between two people.
    RelatedPerson,
}

/// Why a document is not the R4 resource that it claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotR4 {
    /// The codec's own message. It can quote the document, so it is neither logged nor shown.
    pub reason: String,
}

impl fmt::Display for NotR4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the document is not a valid FHIR R4 resource of this type")
    }
}

impl std::error::Error for NotR4 {}

/// Parses `json` strictly as the given type and discards the result.
///
/// Checked: names, JSON types and cardinality shape of every element, presence of mandatory
/// elements. Not checked: bindings, primitive patterns, invariants, `resourceType` itself.
///
/// # Errors
///
/// [`NotR4`] where the document does not fit the type.
pub fn check(resource_type: CodecResourceType, json: &str) -> Result<(), NotR4> {
    match resource_type {
        CodecResourceType::Bundle => parse::<resources::Bundle>(json),
        CodecResourceType::Consent => parse::<resources::Consent>(json),
        CodecResourceType::OperationOutcome => parse::<resources::OperationOutcome>(json),
        CodecResourceType::Patient => parse::<resources::Patient>(json),
        CodecResourceType::QuestionnaireResponse => parse::<resources::QuestionnaireResponse>(json),
        CodecResourceType::RelatedPerson => parse::<resources::RelatedPerson>(json),
    }
}

fn parse<R: DeserializeResourceOwned>(json: &str) -> Result<(), NotR4> {
    let strict = DeserializationConfig { mode: DeserializationMode::Strict };
    catch_unwind(AssertUnwindSafe(|| fhirbolt::json::from_str::<R>(json, Some(strict)).map(drop)))
        .map_err(|_panic| NotR4 { reason: "the codec gave up on this document".to_owned() })?
        .map_err(|error| NotR4 { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::{CodecResourceType, check};

    const PERSON: &str = r#"{"resourceType":"RelatedPerson","patient":{"reference":"Patient/1"}}"#;

    #[test]
    fn typed_codec_accepts_a_valid_resource() {
        assert_eq!(check(CodecResourceType::RelatedPerson, PERSON), Ok(()));
    }

    #[test]
    fn typed_codec_rejects_an_unknown_element() {
        let json = PERSON.replace("\"patient\"", "\"pateint\":1,\"patient\"");
        assert!(check(CodecResourceType::RelatedPerson, &json).is_err());
    }

    #[test]
    fn typed_codec_rejects_a_wrong_json_type() {
        let json = PERSON.replace("{\"reference\":\"Patient/1\"}", "\"Patient/1\"");
        assert!(check(CodecResourceType::RelatedPerson, &json).is_err());
    }

    #[test]
    fn a_panic_of_the_codec_is_caught() {
        let json = r#"{"resourceType":"Bundle","type":"batch","entry":[{"resource":[]}]}"#;
        assert!(check(CodecResourceType::Bundle, json).is_err());
    }
}
