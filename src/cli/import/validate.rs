//! Parses and validates a line.

use csv::ByteRecord;

use crate::import::source::{LineContent, Raw};
use api_fhir::bulk::{Bulk, Columns, ValidatedLine};
use fhir::outcome::{Issue, IssueType};

/// A validated line.
pub(super) struct Line {
    /// Its number in the file.
    pub(super) number: u64,
    /// The result of the validation.
    pub(super) validated: ValidatedLine,
}

/// Validates a line.
pub(super) fn validate(bulk: &Bulk, columns: Option<&Columns>, raw: Raw) -> Line {
    let validated = match (raw.content, columns) {
        (LineContent::Json(line), _) => bulk.validate_line(&line),
        (LineContent::Row(row), Some(columns)) => validate_row(bulk, columns, &row),
        (LineContent::Row(_), None) => {
            refused(IssueType::Structure, "This is a row, but the file has no header.")
        }
        (LineContent::TooLong, _) => {
            refused(IssueType::TooLong, "The line is larger than this server accepts.")
        }
    };
    Line { number: raw.number, validated }
}

fn validate_row(bulk: &Bulk, columns: &Columns, row: &ByteRecord) -> ValidatedLine {
    if row.len() != columns.count() {
        return refused(IssueType::Structure, "The row and the header have different numbers of cells.");
    }
    let cells: Option<Vec<&str>> = row.iter().map(|cell| std::str::from_utf8(cell).ok()).collect();
    match cells {
        Some(cells) if cells.iter().any(|cell| base::json::has_control(cell)) => {
            refused(IssueType::Structure, "The row contains a control character.")
        }
        Some(cells) => bulk.validate_resource(&columns.consent(cells.into_iter())),
        None => refused(IssueType::Structure, "The row is not in UTF-8."),
    }
}

fn refused(code: IssueType, message: &'static str) -> ValidatedLine {
    ValidatedLine { grantor: None, entry: Err(vec![Issue::error(code, message)]) }
}
