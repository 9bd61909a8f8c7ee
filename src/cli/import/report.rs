//! The lines that were not taken, each with why: as NDJSON, a line for each. It holds nothing of a line but its number.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use api_fhir::bulk::Columns;
use fhir::outcome::Issue;

/// How many are told of at the terminal where there is no file.
const TOLD: u64 = 20;

/// Why a line was not taken.
pub(super) enum Why {
    /// This role stands in its way.
    Conflict(Uuid),
    /// It may not be.
    Refused(Vec<Issue>),
}

/// Where the lines go.
pub(super) enum Report {
    File(File),
    /// At the terminal, the first few.
    Terminal {
        told: u64,
    },
}

impl Report {
    /// Opens the file, if there is to be one, of which so many bytes are to stay. `None`: it does not hold so many.
    pub(super) fn open(path: Option<&Path>, length: u64) -> io::Result<Option<Self>> {
        let Some(path) = path else { return Ok(Some(Self::Terminal { told: 0 })) };
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() < length {
            return Ok(None);
        }
        file.set_len(length)?;
        Ok(Some(Self::File(file)))
    }

    /// Writes what is to stand behind the first `length` bytes, and brings it to the disk. What was there goes.
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

    /// Tells of lines that were dealt with, where there is no file.
    pub(super) fn tell(&mut self, lines: &[String], tell: impl Fn(&str)) {
        let Self::Terminal { told } = self else { return };
        for line in lines {
            if *told < TOLD {
                tell(line);
            } else if *told == TOLD {
                tell("and more: --report FILE has them all");
            }
            *told += 1;
        }
    }
}

/// What is told of a line that was not taken.
pub(super) fn line(number: u64, why: &Why, is_table: bool) -> String {
    let told = match why {
        Why::Conflict(id) => json!({ "line": number, "outcome": "conflict", "id": id.to_string() }),
        Why::Refused(issues) => {
            let issues: Vec<Value> = issues.iter().map(|issue| told(issue, is_table)).collect();
            json!({ "line": number, "outcome": "refused", "issue": issues })
        }
    };
    told.to_string()
}

fn told(issue: &Issue, is_table: bool) -> Value {
    let mut told = Map::new();
    let mut add = |name: &str, text: &str| drop(told.insert(name.to_owned(), text.into()));
    add("code", issue.code.code());
    if let Some(expression) = &issue.expression {
        add("expression", expression);
        if let Some(column) = Columns::column_of(expression).filter(|_| is_table) {
            add("column", column.name());
        }
    }
    add("diagnostics", &issue.diagnostics);
    Value::Object(told)
}
