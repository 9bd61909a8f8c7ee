//! The codes of the data categories, and their sensitivity.

use serde::{Deserialize, Serialize};

use crate::account::bit_set::bit_set;

/// How confidential a category or a resource is: HL7's v3-Confidentiality
/// (<https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html>), as far as the catalogue uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// `N`: in the levels.
    Normal,
    /// `R`: in the higher levels.
    Restricted,
    /// `V`: in no level, opened one by one.
    VeryRestricted,
}

impl Sensitivity {
    /// Every sensitivity, the lowest first.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Restricted, Self::VeryRestricted];

    /// HL7's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Normal => "N",
            Self::Restricted => "R",
            Self::VeryRestricted => "V",
        }
    }

    /// Parses HL7's code. Others than the three are not known, and an unknown label is never shown.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }
}

/// Declares the categories: a row is a variant and its bit. Code, words and sensitivity are in the catalogue.
macro_rules! categories {
    ($($(#[$doc:meta])* $category:ident $bit:literal,)+) => {
        /// A data category. The CodeSystem `data-category` defines each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Category {
            $($(#[$doc])* $category,)+
        }

        impl Category {
            /// Every category, in the order of the catalogue.
            pub const ALL: [Self; [$($bit),+].len()] = [$(Self::$category),+];

            /// Its bit in a set.
            pub(crate) const fn bit(self) -> u32 {
                match self {
                    $(Self::$category => 1 << $bit,)+
                }
            }
        }
    };
}

categories! {
    /// Name, date of birth, address, practice.
    Demographics 0,
    /// Blood pressure.
    BloodPressure 1,
    /// Vital signs.
    VitalSigns 2,
    /// Laboratory results and their reports.
    TestResults 3,
    /// Medicines and allergies on record.
    Medicines 4,
    /// Ordering and tracking of prescriptions.
    Prescriptions 5,
    /// Prescriptions without the medicine: a masked view.
    PrescriptionStatus 6,
    /// Appointments.
    Appointments 7,
    /// The times of appointments: a masked view.
    AppointmentTimes 8,
    /// The problem list.
    Conditions 9,
    /// Vaccinations.
    Immunisations 10,
    /// Encounters and their diagnoses.
    Consultations 11,
    /// Letters and documents.
    Documents 12,
    /// Sexual and reproductive health.
    SexualReproductive 13,
    /// Mental health.
    MentalHealth 14,
    /// Violence and abuse.
    Safeguarding 15,
    /// Readings of the person's own.
    OwnReadings 16,
    /// The roles and shares of the account.
    WhoCanAct 17,
    /// The audit records of the account.
    AccessLog 18,
}

bit_set! {
    /// A set of categories. The empty set admits nothing.
    CategorySet(u32) of Category
}
