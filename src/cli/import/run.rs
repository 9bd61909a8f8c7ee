//! One run over one file: its writes, and its position.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::import::pipeline::Batch;
use crate::import::report;
use crate::import::report::{ImportReport, Why};
use crate::import::source::{FilePosition, cannot};
use crate::import::tally::{LineOutcome, Tally};
use crate::import::validate::Line;
use crate::verb::failure::{CommandFailure, complain};
use api_fhir::bulk::{BulkEntry, issues_of};
use base::clock::Clock;
use base::error::{Error, ErrorKind};
use base::token::to_hex;
use domain::account::Caller;
use fhir::outcome::{Issue, IssueType};
use service::proxy::{Imported, Incoming, import_roles};
use store::{Store, Tx};

/// How often a batch is retried while the database is busy, and how long each wait is.
const TRIES: u32 = 10;
const WAIT: Duration = Duration::from_millis(500);

/// Why a run ends before the file does.
pub(super) enum ImportHalt {
    /// A signal to stop.
    Stopped,
    /// An error.
    Failed(CommandFailure),
}

/// The parts of a run.
pub(super) struct ImportParts<'p> {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) id: Uuid,
    pub(super) file: &'p Path,
    pub(super) report: Option<&'p Path>,
    pub(super) is_rehearsal: bool,
    /// What must be equal for a run to continue an earlier one.
    pub(super) mode: String,
    pub(super) from_start: bool,
    pub(super) is_table: bool,
}

/// The position in a file: committed together with the lines before it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mark {
    bytes: u64,
    lines: u64,
    /// The length of the report about these lines.
    report: u64,
    tally: Tally,
}

/// A run.
pub(super) struct ImportRun {
    store: Store,
    clock: Arc<dyn Clock>,
    id: Uuid,
    caller: Caller,
    is_rehearsal: bool,
    is_table: bool,
    /// The key of the position in the database.
    name: String,
    mark: Mark,
    report: ImportReport,
}

/// The results of a batch.
struct Dealt {
    tally: Tally,
    report: Vec<String>,
}

impl ImportRun {
    /// Starts a run, or continues an earlier run over the same file.
    pub(super) fn begin(parts: ImportParts<'_>) -> Result<Self, CommandFailure> {
        let ImportParts { store, clock, id, file, report: path, is_rehearsal, mode, from_start, is_table } =
            parts;
        let digest = digest(file).map_err(|error| cannot(file, &error))?;
        let name = format!("import {digest} {mode}");
        let found = if from_start || is_rehearsal {
            None
        } else {
            store.read_here::<_, Error, _>(|tx| tx.find_setting(&name))?
        };
        let mark: Mark = found.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let open = |length| {
            ImportReport::open(path, length).map_err(|error| {
                let name = path.unwrap_or(Path::new("the report")).display();
                CommandFailure::Other(format!("cannot write {name}: {error}"))
            })
        };
        let (mark, report) = match open(mark.report)? {
            Some(report) => (mark, Some(report)),
            // Another report than that of the earlier run: it must have every line.
            None => (Mark::default(), open(0)?),
        };
        let report =
            report.ok_or_else(|| CommandFailure::Other("the report cannot be written".to_owned()))?;
        let caller = Caller { request_id: Some(id.to_string()), ..Caller::SERVICE };
        if !is_rehearsal {
            store.write_here(|tx| {
                tx.expect_much()?;
                Ok::<_, Error>(())
            })?;
        }
        Ok(Self { store, clock, id, caller, is_rehearsal, is_table, name, mark, report })
    }

    /// The id of the run, as in the audit record.
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// The position.
    pub(super) fn place(&self) -> FilePosition {
        FilePosition { bytes: self.mark.bytes, lines: self.mark.lines }
    }

    /// The outcomes of the lines.
    pub(super) fn tally(&self) -> &Tally {
        &self.mark.tally
    }

    /// Processes a batch: in one transaction, or, if the database refuses that, each line in its own.
    pub(super) fn take(&mut self, batch: &Batch<Line>) -> Result<(), ImportHalt> {
        match self.attempt(&batch.lines, batch.end) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Busy => Err(ImportHalt::Failed(error.into())),
            Err(_) => batch.lines.iter().try_for_each(|line| self.take_alone(line, batch.end)),
        }
    }

    /// Processes a line in its own transaction. One that the database refuses is reported, and the run
    /// continues.
    fn take_alone(&mut self, line: &Line, end: FilePosition) -> Result<(), ImportHalt> {
        // The position stays before the batch until its last line is processed: repeating lines is harmless.
        let position = self.place();
        let is_last = line.number >= end.lines;
        let position = if is_last { end } else { position };
        match self.attempt(std::slice::from_ref(line), position) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Busy => Err(ImportHalt::Failed(error.into())),
            Err(error) => {
                complain(&format!("line {}: {}", line.number, CommandFailure::from(error)));
                let message = "The database refused this line.";
                let issues = vec![Issue::error(IssueType::Exception, message)];
                let mut dealt = Dealt { tally: self.mark.tally.clone(), report: Vec::new() };
                self.refuse(&mut dealt, line, issues);
                self.write(position, |_| Ok(dealt)).map_err(|error| ImportHalt::Failed(error.into()))
            }
        }
    }

    /// Writes lines, and retries while the database is busy.
    fn attempt(&mut self, lines: &[Line], end: FilePosition) -> Result<(), Error> {
        let (clock, caller) = (Arc::clone(&self.clock), self.caller.clone());
        let is_rehearsal = self.is_rehearsal;
        for _ in 1..TRIES {
            let seed = Dealt { tally: self.mark.tally.clone(), report: Vec::new() };
            let parts = (&*clock, &caller, is_rehearsal, self.is_table);
            match self.write(end, |tx| deal(tx, parts, lines, seed)) {
                Err(error) if error.kind() == ErrorKind::Busy => std::thread::sleep(WAIT),
                done => return done,
            }
        }
        Err(Error::new(ErrorKind::Busy, "the database was busy for too long"))
    }

    /// Commits the changes of `work` together with the new position.
    fn write(
        &mut self,
        end: FilePosition,
        work: impl FnOnce(&mut Tx<'_>) -> Result<Dealt, Error>,
    ) -> Result<(), Error> {
        let Self { store, report, mark, name, is_rehearsal, .. } = self;
        let before = mark.report;
        let keep = |tx: &mut Tx<'_>| {
            let dealt = work(tx)?;
            // Flushed to disk before the commit: a report may contain too much, which is cut off, but never
            // too little.
            let length = report.write(before, &dealt.report).map_err(Error::fault)?;
            let mark = Mark { bytes: end.bytes, lines: end.lines, report: length, tally: dealt.tally };
            if !*is_rehearsal {
                tx.save_setting(name, Some(&serde_json::to_string(&mark).map_err(Error::fault)?))?;
            }
            Ok::<_, Error>((mark, dealt.report))
        };
        let (next, lines) = if *is_rehearsal { store.read_here(keep) } else { store.write_here(keep) }?;
        *mark = next;
        report.tell(&lines, complain);
        Ok(())
    }

    /// Deletes the position: the file is complete.
    pub(super) fn finish(&mut self) -> Result<(), CommandFailure> {
        if !self.is_rehearsal {
            let name = self.name.clone();
            self.store.write_here::<_, Error, _>(|tx| tx.save_setting(&name, None))?;
        }
        Ok(())
    }

    fn refuse(&self, dealt: &mut Dealt, line: &Line, issues: Vec<Issue>) {
        refuse(dealt, line, issues, self.is_table);
    }
}

/// Processes lines in a transaction.
fn deal(
    tx: &mut Tx<'_>,
    (clock, caller, is_rehearsal, is_table): (&dyn Clock, &Caller, bool, bool),
    lines: &[Line],
    mut dealt: Dealt,
) -> Result<Dealt, Error> {
    let now = clock.now();
    for line in lines {
        if let Ok(BulkEntry::Person(person)) = &line.validated.entry {
            let at = if person.updated_at.timestamp() == 0 { now } else { person.updated_at };
            let is_new = if is_rehearsal {
                tx.list_current_practices(&[person.nhs_number])?.is_empty()
            } else {
                tx.insert_person_if_new(person, at)?
            };
            dealt.tally.add_person(if is_new { LineOutcome::Created } else { LineOutcome::Same });
        }
    }
    let role = |line: &Line| match &line.validated.entry {
        Ok(BulkEntry::Role(incoming)) => Some(incoming.clone()),
        Ok(BulkEntry::Person(_)) | Err(_) => None,
    };
    let incoming: Vec<Incoming> = lines.iter().filter_map(role).collect();
    let mut imported = import_roles(tx, clock, caller, &incoming, is_rehearsal)?.into_iter();
    for line in lines {
        match &line.validated.entry {
            Err(issues) => refuse(&mut dealt, line, issues.clone(), is_table),
            Ok(BulkEntry::Person(_)) => {}
            Ok(BulkEntry::Role(_)) => {
                let grantor = line.validated.grantor.as_ref().map(domain::proxy::OdsCode::as_str);
                match imported.next() {
                    Some(Imported::Created(_)) => dealt.tally.add_role(grantor, LineOutcome::Created),
                    Some(Imported::Same(_)) => dealt.tally.add_role(grantor, LineOutcome::Same),
                    Some(Imported::Conflict(id)) => {
                        dealt.tally.add_role(grantor, LineOutcome::Conflict);
                        dealt.report.push(report::line(line.number, &Why::Conflict(id), is_table));
                    }
                    Some(Imported::Refused(error)) => refuse(&mut dealt, line, issues_of(error), is_table),
                    None => return Err(Error::fault("a role was not processed")),
                }
            }
        }
    }
    Ok(dealt)
}

fn refuse(dealt: &mut Dealt, line: &Line, issues: Vec<Issue>, is_table: bool) {
    let grantor = line.validated.grantor.as_ref().map(domain::proxy::OdsCode::as_str);
    dealt.tally.add_role(grantor, LineOutcome::Refused);
    dealt.report.push(report::line(line.number, &Why::Refused(issues), is_table));
}

/// The SHA-256 of a file: another or a changed file is read from its beginning.
fn digest(file: &Path) -> std::io::Result<String> {
    let mut file = File::open(file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(to_hex(&hash.finalize().into())),
            count => hash.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}
