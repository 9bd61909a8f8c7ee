//! Errors of a log-in at a provider.

/// Why a log-in at a provider failed. No message contains anything of the person or of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// There is no such provider.
    #[error("there is no such provider")]
    Unknown,
    /// The provider does not respond, or responds that it is unavailable. A retry may succeed.
    #[error("the provider does not respond")]
    Unavailable,
    /// The provider's response, or a token said to be from it, is not valid.
    #[error("the provider's response is not valid: {0}")]
    Refused(&'static str),
    /// The identity is verified, but to a lower level than required.
    #[error("the identity is not verified to the required level: {0}")]
    NotProved(&'static str),
    /// A fault of the service: no key, no randomness, unusable settings.
    #[error("the service cannot call the provider: {0}")]
    Fault(&'static str),
}
