//! The log-in behind a question.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::account::proofing::Proofing;

/// The log-in behind a question, by the identity that was used, not by the user's best one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFacts<'a> {
    /// The issuer of the identity provider.
    pub provider: Cow<'a, str>,
    /// How well this identity is proved; P9 for staff at AAL3.
    pub proofing: Proofing,
    /// The vector of trust of this log-in, such as `P9.Cp.Cd` (RFC 8485).
    pub vector: Option<Cow<'a, str>>,
    /// When the user last authenticated (OpenID Connect Core §2 `auth_time`).
    pub auth_time: Option<DateTime<Utc>>,
    /// Since when the identity is linked to the user.
    pub linked_since: Option<DateTime<Utc>>,
    /// Whether it is a log-in of staff.
    pub is_staff: bool,
    /// The time of the question.
    pub now: DateTime<Utc>,
}

impl SessionFacts<'_> {
    /// How far a provider's clock may be ahead.
    const SKEW: TimeDelta = TimeDelta::seconds(60);

    /// Whether the log-in is older than this many seconds. One without a time, or with a time that has not come, is.
    pub(super) fn is_older_than(&self, seconds: u32) -> bool {
        self.auth_time.is_none_or(|at| {
            let age = self.now - at;
            age > TimeDelta::seconds(i64::from(seconds)) || age < -Self::SKEW
        })
    }

    /// Whether the identity was linked within this many seconds. One whose time is not known was.
    pub(super) fn was_linked_within(&self, seconds: u32) -> bool {
        self.linked_since.is_none_or(|at| self.now - at < TimeDelta::seconds(i64::from(seconds)))
    }

    /// Whether the vector of trust meets one of these: the same credentials, and proofing that is not lower.
    pub(super) fn meets_one_of(&self, vectors: &[Cow<'_, str>]) -> bool {
        self.vector.as_deref().is_some_and(|vector| vectors.iter().any(|asked| meets(vector, asked)))
    }
}

/// Whether a vector of trust meets another, without parsing either into a list.
fn meets(vector: &str, asked: &str) -> bool {
    let parts = |text| -> Option<(Proofing, std::str::Split<'_, char>)> {
        let mut parts = str::split(text, '.');
        Some((Proofing::parse(parts.next()?)?, parts))
    };
    let (Some((proofing, credentials)), Some((asked, mut wanted))) = (parts(vector), parts(asked)) else {
        return false;
    };
    proofing >= asked && wanted.all(|credential| credentials.clone().any(|it| it == credential))
}
