//! Errors of FHIRPath expressions.

/// Why an expression cannot be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FhirPathFault {
    /// It is not FHIRPath.
    #[error("the text is not a FHIRPath expression")]
    Syntax,
    /// It is too long or nested too deeply.
    #[error("the FHIRPath expression is too long or nested too deeply")]
    TooLong,
    /// It uses a function or operator that is not supported.
    #[error("the FHIRPath expression uses a function or operator that is not supported here")]
    Unsupported,
    /// There is more than one item where one is needed.
    #[error("the FHIRPath expression meets more than one element where it needs one")]
    NotSingle,
    /// It has a value of the wrong type, such as text where `and` needs a boolean.
    #[error("the FHIRPath expression meets a value of the wrong type")]
    WrongType,
    /// It exceeds the limit of work.
    #[error("the FHIRPath expression is too costly")]
    TooCostly,
}
