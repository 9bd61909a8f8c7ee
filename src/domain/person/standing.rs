//! Whether a person's NHS number is in use, and whether they may appear in an answer.

/// The standing of a person in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The number is in use: the person appears in answers.
    Current,
    /// The number was merged into, or re-issued as, another.
    Superseded,
    /// The number is no longer valid.
    Invalidated,
    /// Sensitive (S-flagged): location and access must not be revealed.
    Restricted,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 4] = [Self::Current, Self::Superseded, Self::Invalidated, Self::Restricted];

    /// The name in the store and in the seed file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Superseded => "superseded",
            Self::Invalidated => "invalidated",
            Self::Restricted => "restricted",
        }
    }

    /// Parses a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == text)
    }
}
