//! Parses and validates a line.

use csv::ByteRecord;

use crate::import::source::{Content, Raw};
use api_fhir::bulk::{Bulk, Columns, Judged};
use fhir::outcome::{Issue, IssueType};

/// A validated line.
pub(super) struct Line {
    /// Its number in the file.
    pub(super) number: u64,
    /// The result of the validation.
    pub(super) judged: Judged,
}

/// Validates a line.
pub(super) fn judge(bulk: &Bulk, columns: Option<&Columns>, raw: Raw) -> Line {
    let judged = match (raw.content, columns) {
        (Content::Json(line), _) => bulk.judge(&line),
        (Content::Row(row), Some(columns)) => judge_row(bulk, columns, &row),
        (Content::Row(_), None) => {
            refused(IssueType::Structure, "This is a row, but the file has no header.")
        }
        (Content::TooLong, _) => refused(IssueType::TooLong, "The line is larger than this server accepts."),
    };
    Line { number: raw.number, judged }
}

fn judge_row(bulk: &Bulk, columns: &Columns, row: &ByteRecord) -> Judged {
    if row.len() != columns.count() {
        return refused(IssueType::Structure, "The row and the header have different numbers of cells.");
    }
    let cells: Option<Vec<&str>> = row.iter().map(|cell| std::str::from_utf8(cell).ok()).collect();
    match cells {
        Some(cells) if cells.iter().any(|cell| base::json::has_control(cell)) => {
            refused(IssueType::Structure, "The row contains a control character.")
        }
        Some(cells) => bulk.judge_resource(&columns.consent(cells.into_iter())),
        None => refused(IssueType::Structure, "The row is not in UTF-8."),
    }
}

fn refused(code: IssueType, told: &'static str) -> Judged {
    Judged { grantor: None, entry: Err(vec![Issue::error(code, told)]) }
}
