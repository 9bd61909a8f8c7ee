//! The simulated providers' names.

use crate::refused::Refused;

/// A simulated provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// NHS login.
    NhsLogin,
    /// CIS2.
    Cis2,
}

impl Which {
    /// Both.
    pub const ALL: [Self; 2] = [Self::NhsLogin, Self::Cis2];

    /// The last part of its issuer identifier.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NhsLogin => "nhs-login",
            Self::Cis2 => "cis2",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Refused> {
        Self::ALL.into_iter().find(|which| which.as_str() == text).ok_or(Refused::NOT_HERE)
    }
}
