//! The two extensions of a Consent: status reason, and grantor (contract §2.2, "Grantor and free text",
//! §4.1).

use serde_json::Value;

use crate::catalogue;
use crate::input::{items, member, text};
use crate::problem::VrsError;
use crate::url;
use config::Contract;
use domain::proxy::{OdsCode, ReasonCode, StatusReason};

/// The extensions of a document, by kind.
#[derive(Clone, Copy, Default)]
pub(super) struct Extensions<'v> {
    reason: Option<&'v Value>,
    grantor: Option<&'v Value>,
}

/// Why a status reason is not valid.
pub(super) enum BadReason {
    /// It has no coding, or one that is not in the published code system.
    Unknown,
    /// It is OTHER, without text.
    MissingText,
}

impl<'v> Extensions<'v> {
    /// Sorts extensions by kind. An unknown one, or one that is repeated with other content, is refused: it
    /// would be lost. An identical repetition counts once.
    pub(super) fn sort(extensions: &'v [Value]) -> Result<Self, VrsError> {
        let mut sorted = Self::default();
        for extension in extensions {
            let url = text(extension, &["url"]);
            let place = match url {
                Some(url::STATUS_REASON_EXTENSION) => &mut sorted.reason,
                Some(url::GRANTOR_EXTENSION) => &mut sorted.grantor,
                _ => return Err(catalogue::INVALID_EXTENSION.at("extension.url")),
            };
            if place.replace(extension).is_some_and(|other| other != extension) {
                return Err(catalogue::INVALID_EXTENSION.at("extension"));
            }
        }
        Ok(sorted)
    }

    /// The status reason, if there is one.
    pub(super) fn reason(&self, contract: &Contract) -> Option<Result<StatusReason, BadReason>> {
        let extension = self.reason?;
        let concept = &["valueCodeableConcept"];
        let free_text = text(extension, &["valueCodeableConcept", "text"]);
        let read = || {
            let codings = items(member(extension, concept)?, &["coding"]);
            codings.iter().find_map(|coding| reason_code(coding, contract))
        };
        Some(read().ok_or(BadReason::Unknown).and_then(|code| {
            StatusReason::new(code, free_text.map(str::to_owned)).or(Err(BadReason::MissingText))
        }))
    }

    /// The grantor, if there is one.
    pub(super) fn grantor(&self) -> Result<Option<OdsCode>, VrsError> {
        let Some(extension) = self.grantor else { return Ok(None) };
        let reference = member(extension, &["valueReference"]).filter(|value| value.is_object());
        let reference = reference
            .ok_or_else(|| catalogue::MISSING_GRANTOR_REFERENCE.at(grantor_path(".valueReference")))?;
        let identifier = member(reference, &["identifier"]).filter(|value| value.is_object());
        let identifier = identifier.ok_or_else(|| {
            catalogue::MISSING_GRANTOR_IDENTIFIER.at(grantor_path(".valueReference.identifier"))
        })?;
        if text(identifier, &["system"]) != Some(url::ODS_CODE) {
            let at = grantor_path(".valueReference.identifier.system");
            return Err(catalogue::INVALID_GRANTOR_SYSTEM.at(at));
        }
        let code = OdsCode::parse(text(identifier, &["value"]).unwrap_or_default());
        code.map(Some).map_err(|_wrong| {
            catalogue::INVALID_GRANTOR_VALUE.at(grantor_path(".valueReference.identifier.value"))
        })
    }
}

fn reason_code(coding: &Value, contract: &Contract) -> Option<ReasonCode> {
    let is_ours = text(coding, &["system"]).is_none_or(|system| system == url::STATUS_REASON);
    let code = text(coding, &["code"]).filter(|_| is_ours)?;
    if contract.relaxed_reason_names { ReasonCode::parse_relaxed(code) } else { ReasonCode::parse(code) }
}

/// The path of the grantor extension, with a suffix.
pub(super) fn grantor_path(rest: &str) -> String {
    format!("extension.where(url = '{}'){rest}", url::GRANTOR_EXTENSION)
}

/// The path of the status reason extension.
pub(super) fn reason_path() -> String {
    format!("extension.where(url = '{}')", url::STATUS_REASON_EXTENSION)
}
