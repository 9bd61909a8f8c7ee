//! Something that happened.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::person::nhs_number::NhsNumber;

use super::topic::Topic;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which event: a UUIDv7, the same in every delivery of it.
    pub id: Uuid,
    /// Of which kind.
    pub topic: Topic,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// To what: `Consent/…`, `RelatedPerson/…` or `QuestionnaireResponse/…`.
    pub subject: String,
    /// Which version of it came of this.
    pub subject_version: i64,
    /// Whose patient it is about.
    pub patient: NhsNumber,
    /// And whose proxy.
    pub proxy: NhsNumber,
}

impl Event {
    /// The FHIR type and the id of what it happened to.
    pub fn subject_parts(&self) -> (&str, &str) {
        self.subject.split_once('/').unwrap_or((&self.subject, ""))
    }
}
