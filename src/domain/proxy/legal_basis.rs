//! The legal basis of a role (contract §4.1, `Consent.policyRule`).

/// The legal basis of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegalBasis {
    /// Not known, as in roles imported from a GP system, or not given.
    Unknown,
    /// A deputy that the Court of Protection appointed.
    CourtAppointedPersonalWelfareDeputy,
    /// A lasting power of attorney for health and welfare.
    HealthAndWelfareLastingPowerOfAttorney,
    /// A decision in the best interest of a patient who lacks capacity (Mental Capacity Act 2005).
    BestInterest,
    /// The patient agrees.
    Consent,
    /// The proxy has parental responsibility for the patient.
    ParentalResponsibility,
}

impl LegalBasis {
    /// Every legal basis.
    pub const ALL: [Self; 6] = [
        Self::Unknown,
        Self::CourtAppointedPersonalWelfareDeputy,
        Self::HealthAndWelfareLastingPowerOfAttorney,
        Self::BestInterest,
        Self::Consent,
        Self::ParentalResponsibility,
    ];

    /// The code; `UNK` belongs to HL7's v3-NullFlavor, the others to England-NHSProxyLegalBasis.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "UNK",
            Self::CourtAppointedPersonalWelfareDeputy => "court-appointed-personal-welfare-deputy",
            Self::HealthAndWelfareLastingPowerOfAttorney => "health-and-welfare-lasting-power-of-attorney",
            Self::BestInterest => "best-interest",
            Self::Consent => "consent",
            Self::ParentalResponsibility => "parental-responsibility",
        }
    }

    /// The display text.
    pub const fn display(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::CourtAppointedPersonalWelfareDeputy => "Court appointed personal welfare deputy",
            Self::HealthAndWelfareLastingPowerOfAttorney => "Health and welfare lasting power of attorney",
            Self::BestInterest => "Best interest",
            Self::Consent => "Consent",
            Self::ParentalResponsibility => "Parental responsibility",
        }
    }

    /// Parses a code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::LegalBasis;

    #[test]
    fn every_legal_basis_code_round_trips() {
        for basis in LegalBasis::ALL {
            assert_eq!(LegalBasis::parse(basis.code()), Some(basis));
        }
        assert_eq!(LegalBasis::parse("unknown"), None);
    }
}
