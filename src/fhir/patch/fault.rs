//! Errors of patches.

use crate::outcome::{Issue, IssueType};
use base::error::ErrorKind;

/// Why a patch is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFault {
    /// [`ErrorKind::Invalid`] (400) where the document is not a patch, [`ErrorKind::Unprocessable`] (422) where it
    /// cannot be carried out on this resource.
    pub kind: ErrorKind,
    /// The issue for the OperationOutcome.
    pub issue: Issue,
}

impl PatchFault {
    pub(super) fn malformed(sentence: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self { kind: ErrorKind::Invalid, issue: Issue::error(IssueType::Structure, sentence) }
    }

    pub(super) fn impossible(sentence: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self { kind: ErrorKind::Unprocessable, issue: Issue::error(IssueType::Processing, sentence) }
    }

    pub(super) fn too_much(sentence: &'static str) -> Self {
        Self { kind: ErrorKind::Unprocessable, issue: Issue::error(IssueType::TooCostly, sentence) }
    }

    pub(super) fn at(mut self, expression: impl Into<String>) -> Self {
        self.issue = self.issue.at(expression);
        self
    }
}
