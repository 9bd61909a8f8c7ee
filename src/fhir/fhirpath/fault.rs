//! Why an expression has no answer.

/// Why an expression has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FhirPathFault {
    /// It is not FHIRPath.
    #[error("the text is not a FHIRPath expression")]
    Syntax,
    /// It is too long or nested too deeply.
    #[error("the FHIRPath expression is too long or nested too deeply")]
    TooLong,
    /// It uses something that this service does not know.
    #[error("the FHIRPath expression uses a function or operator that is not supported here")]
    Unsupported,
    /// There is more than one item where one is needed.
    #[error("the FHIRPath expression meets more than one element where it needs one")]
    NotSingle,
    /// It has something of the wrong type, such as text where `and` needs a boolean.
    #[error("the FHIRPath expression meets a value of the wrong type")]
    WrongType,
    /// It causes more work than is allowed.
    #[error("the FHIRPath expression is too costly")]
    TooCostly,
}
