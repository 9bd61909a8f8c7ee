//! `onbehalf import` as a process, over files as suppliers and exports have them.

mod outcomes;
mod past;
mod resume;
mod rules;
mod table;

use serde_json::{Value, json};

use crate::fhir::bodies::role;
use crate::support::{Backend, Ended, Folder, TestDatabase, seed, sql};

/// A database of invented people, and a place for files.
pub(super) struct Desk {
    pub(super) database: TestDatabase,
    pub(super) folder: Folder,
    pub(super) config: String,
    pub(super) people: Vec<String>,
}

impl Desk {
    pub(super) fn new(backend: Backend, people: usize) -> Self {
        let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
        let config = folder.write("onbehalf.toml", &super::configuration(&database.url));
        let people = seed::nhs_numbers(people);
        let file = folder.write("people.json", &seed::people(&people).to_string());
        folder.run(&["seed", &file, "--config", &config]).well();
        Self { database, folder, config, people }
    }

    /// Every so-manieth role that two of the people can have, without an end.
    pub(super) fn role(&self, number: usize) -> Value {
        let count = self.people.len();
        let (proxy, step) = (number % count, 1 + number / count);
        assert!(step < count, "no pair is left");
        endless(&self.people[proxy], &self.people[(proxy + step) % count])
    }

    pub(super) fn file(&self, lines: &[Value]) -> String {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.folder.write("roles.ndjson", &text)
    }

    pub(super) fn import(&self, file: &str, more: &[&str]) -> Ended {
        self.folder.run(&[&["import", file, "--config", &self.config], more].concat())
    }

    pub(super) fn count(&self, table: &str) -> i64 {
        sql::number(&self.database.url, &format!("SELECT CAST(count(*) AS TEXT) AS value FROM {table}"))
    }

    /// How many roles, versions, records of changes and events there are: as many of each.
    #[track_caller]
    pub(super) fn roles(&self) -> i64 {
        let roles = self.count("roles");
        for table in ["role_versions", "audit_records WHERE subject_version IS NOT NULL", "outbox"] {
            assert_eq!(self.count(table), roles, "{table}");
        }
        roles
    }

    /// No person's number is in the output.
    #[track_caller]
    pub(super) fn assert_tells_of_nobody(&self, text: &str) {
        for number in &self.people {
            assert!(!text.contains(number), "{text}");
        }
    }
}

/// A role without an end, so that tests do not age.
pub(super) fn endless(proxy: &str, patient: &str) -> Value {
    let mut role = role(proxy, patient);
    role["provision"]["period"] = json!({ "start": "2020-01-01" });
    role
}

/// The lines of a report.
pub(super) fn report(folder: &Folder, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path(name)).expect("there is a report");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
