//! The findings, as text and as JSON.

use std::fmt::Write as _;

use serde_json::json;

/// The state of a checked thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In order.
    Ok,
    /// It works, but could fail, or could work better.
    Warning,
    /// It does not work.
    Wrong,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

/// One finding.
struct Finding {
    state: State,
    about: &'static str,
    found: String,
    mend: Option<String>,
}

/// All findings, in the order of the checks.
#[derive(Default)]
pub(super) struct DoctorReport(Vec<Finding>);

impl DoctorReport {
    pub(super) fn ok(&mut self, about: &'static str, found: impl Into<String>) {
        self.0.push(Finding { state: State::Ok, about, found: found.into(), mend: None });
    }

    pub(super) fn warning(&mut self, about: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        let mend = Some(mend.into());
        self.0.push(Finding { state: State::Warning, about, found: found.into(), mend });
    }

    pub(super) fn wrong(&mut self, about: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { state: State::Wrong, about, found: found.into(), mend: Some(mend.into()) });
    }

    pub(super) fn wrong_things(&self) -> usize {
        self.0.iter().filter(|finding| finding.state == State::Wrong).count()
    }

    /// One line for each finding, and below it how to fix it.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for Finding { state, about, found, mend } in &self.0 {
            let found = found.replace('\n', " ");
            let _infallible = writeln!(text, "{:<8} {about:<12} {found}", state.as_str());
            if let Some(mend) = mend {
                let _infallible = writeln!(text, "{:22}fix: {mend}", "");
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// `{"findings": [{"state", "about", "found", "mend"}], "wrong": NUMBER}`.
    pub(super) fn to_json(&self) -> String {
        let findings = self.0.iter().map(|Finding { state, about, found, mend }| {
            json!({ "state": state.as_str(), "about": about, "found": found, "mend": mend })
        });
        let findings: Vec<_> = findings.collect();
        format!("{:#}", json!({ "findings": findings, "wrong": self.wrong_things() }))
    }
}
