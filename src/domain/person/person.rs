//! A person's demographics, as the national registry gives them.

use chrono::{DateTime, Utc};

use crate::person::nhs_number::NhsNumber;
use crate::person::standing::Standing;
use crate::proxy::ods_code::OdsCode;
use base::date_time::FhirDateTime;

/// One person. `Debug` is not derived, because nothing here may reach a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Their NHS number.
    pub nhs_number: NhsNumber,
    /// Their standing, which decides whether they may appear in an answer.
    pub standing: Standing,
    /// Their names, the usual one first.
    pub names: Vec<HumanName>,
    /// A FHIR `date`: to the day, month or year.
    pub birth_date: Option<FhirDateTime>,
    /// The ODS code of the practice where they are registered.
    pub practice: Option<OdsCode>,
    /// When the registry reported their death, if it has.
    pub died_at: Option<DateTime<Utc>>,
    /// The version of this record.
    pub version: i64,
    /// When this record last changed.
    pub updated_at: DateTime<Utc>,
}

/// A name (FHIR `HumanName`).
#[derive(Clone, PartialEq, Eq)]
pub struct HumanName {
    /// What the name is used for.
    pub name_use: NameUse,
    /// The family name.
    pub family: Option<String>,
    /// Given names, in order.
    pub given: Vec<String>,
    /// Titles before the name.
    pub prefix: Vec<String>,
    /// What follows the name.
    pub suffix: Vec<String>,
}

/// What a name is used for: the values of FHIR's `name-use` that the VRS contract allows (§4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameUse {
    /// The usual name.
    Usual,
    /// Temporary.
    Temp,
    /// Informal.
    Nickname,
    /// No longer in use.
    Old,
    /// Before marriage.
    Maiden,
}

impl NameUse {
    /// Every use.
    pub const ALL: [Self; 5] = [Self::Usual, Self::Temp, Self::Nickname, Self::Old, Self::Maiden];

    /// FHIR's code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Temp => "temp",
            Self::Nickname => "nickname",
            Self::Old => "old",
            Self::Maiden => "maiden",
        }
    }

    /// Parses a code.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name_use| name_use.as_str() == text)
    }
}
