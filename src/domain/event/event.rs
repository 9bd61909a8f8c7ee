//! Events.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::person::nhs_number::NhsNumber;

use super::topic::Topic;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id: a UUIDv7, the same in every delivery.
    pub id: Uuid,
    /// Its topic.
    pub topic: Topic,
    /// When it occurred.
    pub occurred_at: DateTime<Utc>,
    /// The resource that changed: `Consent/…`, `RelatedPerson/…` or `QuestionnaireResponse/…`.
    pub subject: String,
    /// The version that the change wrote.
    pub subject_version: i64,
    /// The patient of the resource.
    pub patient: NhsNumber,
    /// The proxy of the resource.
    pub proxy: NhsNumber,
}

impl Event {
    /// The FHIR type and the id of its subject.
    pub fn subject_parts(&self) -> (&str, &str) {
        self.subject.split_once('/').unwrap_or((&self.subject, ""))
    }
}
