//! The report of lines that were not imported, with the reasons: NDJSON, one line for each. It contains
//! nothing of a line except its number.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use api_fhir::bulk::Columns;
use fhir::outcome::Issue;

/// How many lines are shown at the terminal when there is no file.
const MOST_PRINTED: u64 = 20;

/// Why a line was not imported.
pub(super) enum Why {
    /// It conflicts with this role.
    Conflict(Uuid),
    /// It is not valid.
    Refused(Vec<Issue>),
}

/// The destination of the report.
pub(super) enum ImportReport {
    File(File),
    /// The terminal, for the first few lines.
    Terminal {
        printed: u64,
    },
}

impl ImportReport {
    /// Opens the file, if there is one, of which so many bytes are kept. `None`: it is shorter.
    pub(super) fn open(path: Option<&Path>, length: u64) -> io::Result<Option<Self>> {
        let Some(path) = path else { return Ok(Some(Self::Terminal { printed: 0 })) };
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() < length {
            return Ok(None);
        }
        file.set_len(length)?;
        Ok(Some(Self::File(file)))
    }

    /// Writes lines after the first `length` bytes, and flushes them to disk. What followed is removed.
    pub(super) fn write(&mut self, length: u64, lines: &[String]) -> io::Result<u64> {
        let Self::File(file) = self else { return Ok(0) };
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        if file.metadata()?.len() != length {
            file.set_len(length)?;
        }
        if !text.is_empty() {
            file.seek(SeekFrom::Start(length))?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
        }
        Ok(length + u64::try_from(text.len()).unwrap_or_default())
    }

    /// Shows lines at the terminal, where there is no file.
    pub(super) fn tell(&mut self, lines: &[String], tell: impl Fn(&str)) {
        let Self::Terminal { printed } = self else { return };
        for line in lines {
            if *printed < MOST_PRINTED {
                tell(line);
            } else if *printed == MOST_PRINTED {
                tell("and more: use --report FILE to get all");
            }
            *printed += 1;
        }
    }
}

/// The report of a line that was not imported.
pub(super) fn line(number: u64, why: &Why, is_table: bool) -> String {
    let printed = match why {
        Why::Conflict(id) => json!({ "line": number, "outcome": "conflict", "id": id.to_string() }),
        Why::Refused(issues) => {
            let issues: Vec<Value> = issues.iter().map(|issue| render_issue(issue, is_table)).collect();
            json!({ "line": number, "outcome": "refused", "issue": issues })
        }
    };
    printed.to_string()
}

fn render_issue(issue: &Issue, is_table: bool) -> Value {
    let mut printed = Map::new();
    let mut add = |name: &str, text: &str| drop(printed.insert(name.to_owned(), text.into()));
    add("code", issue.code.code());
    if let Some(expression) = &issue.expression {
        add("expression", expression);
        if let Some(column) = Columns::column_of(expression).filter(|_| is_table) {
            add("column", column.name());
        }
    }
    add("diagnostics", &issue.diagnostics);
    Value::Object(printed)
}
