//! The patient and the performer of a Consent: logical references by NHS number.

use serde_json::Value;

use crate::catalogue;
use crate::input::{member, text};
use crate::problem::VrsError;
use crate::url;
use domain::person::{NhsNumber, NumberCheck};

/// Which of the two people a reference is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Patient,
    Performer,
}

impl Party {
    const fn element(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Performer => "performer",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Patient => "Patient",
            Self::Performer => "Performer",
        }
    }

    /// The problem of an element that is not valid as a whole.
    pub(super) fn invalid(self) -> VrsError {
        match self {
            Self::Patient => catalogue::INVALID_PATIENT.at("patient"),
            Self::Performer => catalogue::INVALID_PERFORMER.at("performer"),
        }
    }
}

/// Reads the NHS number of a reference: identifier, its system, its value, in this order.
pub(super) fn read(reference: &Value, party: Party, check: NumberCheck) -> Result<NhsNumber, VrsError> {
    let (element, noun) = (party.element(), party.noun());
    let is_of_type =
        text(reference, &["type"]).is_none_or(|name| name == "Patient" || party == Party::Performer);
    if member(reference, &["identifier"]).is_none() || reference.get("reference").is_some() || !is_of_type {
        return Err(party.invalid());
    }
    let at_system = format!("{element}.identifier.system");
    let at_value = format!("{element}.identifier.value");
    match text(reference, &["identifier", "system"]) {
        None => {
            let message = format!("Unable to determine the {element} identifier system");
            return Err(catalogue::MISSING_IDENTIFIER_SYSTEM.saying(message).at(at_system));
        }
        Some(url::NHS_NUMBER) => {}
        Some(_) => {
            let message = format!("{noun} identifier system is invalid");
            return Err(catalogue::INVALID_IDENTIFIER_SYSTEM.saying(message).at(at_system));
        }
    }
    let value = text(reference, &["identifier", "value"]).ok_or_else(|| {
        catalogue::MISSING_IDENTIFIER_VALUE.saying(format!("Unable to find {at_value}")).at(at_value.clone())
    })?;
    NhsNumber::parse(value, check).map_err(|_wrong| {
        let message = format!("{noun} identifier value is invalid");
        catalogue::INVALID_IDENTIFIER_VALUE.saying(message).at(at_value)
    })
}
