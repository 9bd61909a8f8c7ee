//! The kinds of facts that the registry reports.

/// The kinds of facts that the registry reports; of each kind a person has the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say which")]
pub enum FactKind {
    Death,
    Number,
    Invalidation,
    Restriction,
    Practice,
}

impl FactKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Death => "death",
            Self::Number => "number",
            Self::Invalidation => "invalidation",
            Self::Restriction => "restriction",
            Self::Practice => "practice",
        }
    }
}
