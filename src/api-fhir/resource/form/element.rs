//! Elements that the forms share.

use std::borrow::Cow;
use std::fmt::Display;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::resource::resource_type::ResourceType;
use crate::url;
use base::date_time::render_instant;
use domain::person::NhsNumber;

/// A text that is composed while it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Coding<'c> {
    pub(super) system: Cow<'c, str>,
    pub(super) code: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display: Option<&'c str>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct CodeableConcept<'c> {
    pub(super) coding: [Coding<'c>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'c str>,
}

impl<'c> CodeableConcept<'c> {
    pub(super) const fn new(system: &'c str, code: &'c str, display: &'c str) -> Self {
        Self { coding: [Coding { system: Cow::Borrowed(system), code, display: Some(display) }], text: None }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resource) struct Meta {
    version_id: Text<i64>,
    last_updated: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<[Coding<'static>; 1]>,
}

impl Meta {
    pub(in crate::resource) fn new(kind: ResourceType, version: i64, updated_at: DateTime<Utc>) -> Self {
        Self {
            version_id: Text(version),
            last_updated: render_instant(updated_at),
            profile: kind.profile().map(|profile| [profile]),
            tag: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::resource) struct Identifier<'i> {
    system: &'static str,
    value: &'i str,
}

impl<'i> Identifier<'i> {
    pub(in crate::resource) fn of_person(number: &'i NhsNumber) -> Self {
        Self { system: url::NHS_NUMBER, value: number.as_str() }
    }

    pub(super) const fn of_organisation(code: &'i str) -> Self {
        Self { system: url::ODS_CODE, value: code }
    }
}

/// A reference to a person by NHS number: literal on this server, and logical for other readers.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct PersonReference<'p> {
    #[serde(serialize_with = "write_path")]
    reference: &'p NhsNumber,
    r#type: &'static str,
    identifier: Identifier<'p>,
}

impl<'p> PersonReference<'p> {
    pub(super) fn to(number: &'p NhsNumber) -> Self {
        Self { reference: number, r#type: "Patient", identifier: Identifier::of_person(number) }
    }
}

fn write_path<S: Serializer>(number: &NhsNumber, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("Patient/{number}"))
}
