//! The apps with which the tour logs in. The sandbox registers them.

/// An app of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TourApp {
    /// For citizens, at the simulated NHS login.
    Citizen,
    /// For staff, at the simulated CIS2.
    Staff,
}

impl TourApp {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Citizen, Self::Staff];

    /// The `client_id`.
    pub const fn client_id(self) -> &'static str {
        match self {
            Self::Citizen => "demo-portal",
            Self::Staff => "demo-staff",
        }
    }

    /// Where the log-in comes back to, at the server with this URL.
    pub fn redirect_uri(self, public_url: &str) -> String {
        format!("{public_url}/tour/back/{}", self.as_str())
    }

    /// What the tour asks for.
    pub(crate) const fn scope(self) -> &'static str {
        match self {
            Self::Citizen => "openid fhirUser launch/patient patient/*.rs",
            Self::Staff => "openid fhirUser user/*.rs",
        }
    }

    /// The part of the path.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Staff => "staff",
        }
    }

    /// Reads the part of a path.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|app| app.as_str() == text)
    }
}
