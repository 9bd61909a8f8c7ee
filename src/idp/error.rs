//! Why somebody cannot log in at a provider.

/// Somebody cannot log in at a provider. No text here holds anything of the person or of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// There is no such provider.
    #[error("there is no such provider")]
    Unknown,
    /// The provider does not answer, or says that it cannot. Trying again may help.
    #[error("the provider does not answer")]
    Unavailable,
    /// The provider's answer, or a token that is said to be its, breaks a rule.
    #[error("the provider's answer is not good: {0}")]
    Refused(&'static str),
    /// The provider vouches for the person, but not as surely as is needed.
    #[error("the person is not proved well enough: {0}")]
    NotProved(&'static str),
    /// Our own fault: no key, no randomness, settings that cannot be used.
    #[error("the service cannot ask the provider: {0}")]
    Fault(&'static str),
}
