//! The output of a command: text, or JSON.

use clap::Args;
use serde_json::Value;

use crate::verb::failure::say;

/// `--json`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Output {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl Output {
    /// Prints the JSON document, or else the lines.
    pub(crate) fn print(self, document: impl FnOnce() -> Value, lines: impl FnOnce() -> Vec<String>) {
        if self.json {
            return say(&document().to_string());
        }
        for line in lines() {
            say(&line);
        }
    }
}
