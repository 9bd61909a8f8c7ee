//! `onbehalf export`: every role as a line of NDJSON, in the form of a read.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::backup::{make_private, part_of, put_in_place};
use crate::verb::database::open_migrated_store;
use crate::verb::failure::{CommandFailure, complain};
use api_fhir::bulk::{Bulk, Take};
use base::clock::{Clock, SystemClock};
use base::error::{Error, ErrorKind};
use config::Sources;
use domain::account::Caller;
use domain::audit::{Access, Act, Actor, Interaction};
use domain::proxy::OdsCode;
use store::{Store, Tx};

/// The rows of one query.
const PAGE: i64 = 1000;

#[derive(Args)]
pub(super) struct ExportOptions {
    /// Write to this file instead of standard output. The file appears when it is complete
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only the roles that this organisation granted
    #[arg(long, value_name = "ODS", value_parser = ods_code)]
    grantor: Option<OdsCode>,
    /// Also write every person of the registry, as a Patient, before the roles
    #[arg(long)]
    with_people: bool,
}

fn ods_code(text: &str) -> Result<OdsCode, String> {
    OdsCode::parse(text).map_err(|wrong| wrong.to_string())
}

pub(super) fn export(sources: &Sources, options: &ExportOptions) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    let store = open_migrated_store(&config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    write_down(&store, &*clock, options)?;
    let bulk = Bulk::new(config.contract, "", clock, config.limits.json_depth, Take::default());
    let Some(file) = &options.output else {
        return finish(write(&store, &bulk, options, BufWriter::new(io::stdout().lock())));
    };
    let part = part_of(file);
    let written = make_private(&part).map_err(|error| cannot(&part, &error)).and_then(|opened: File| {
        let counts = write(&store, &bulk, options, BufWriter::new(opened))?;
        put_in_place(&part, file).map_err(|error| cannot(file, &error))?;
        Ok(counts)
    });
    finish(written.inspect_err(|_failed| drop(std::fs::remove_file(&part))))
}

/// The export discloses all data, so the access is recorded before.
fn write_down(store: &Store, clock: &dyn Clock, options: &ExportOptions) -> Result<(), Error> {
    let mut query = vec!["onbehalf export".to_owned()];
    query.extend(options.grantor.as_ref().map(|grantor| format!("--grantor {grantor}")));
    query.extend(options.with_people.then(|| "--with-people".to_owned()));
    let access = Access::new(Act::Access(Interaction::SearchType), Actor::of(&Caller::SERVICE), clock.now());
    let access = Access { subject: Some("Consent".to_owned()), query: Some(query.join(" ")), ..access };
    store.write_here(|tx| tx.record_access(&access))
}

/// Writes the state of the database at one instant, page by page, and returns the numbers of roles and
/// people.
fn write(
    store: &Store,
    bulk: &Bulk,
    options: &ExportOptions,
    mut output: impl Write,
) -> Result<(u64, u64), CommandFailure> {
    let counts = store.read_here::<_, Error, _>(|tx| {
        let people = if options.with_people { write_people(tx, &mut output)? } else { 0 };
        let roles = write_roles(tx, bulk, options.grantor.as_ref(), &mut output)?;
        output.flush().map_err(unwritten)?;
        Ok((roles, people))
    })?;
    Ok(counts)
}

fn write_people(tx: &mut Tx<'_>, output: &mut impl Write) -> Result<u64, Error> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = tx.list_people_after(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.nhs_number);
        for person in &page {
            writeln!(output, "{}", Bulk::line_of_person(person)).map_err(unwritten)?;
            count += 1;
        }
    }
}

fn write_roles(
    tx: &mut Tx<'_>,
    bulk: &Bulk,
    grantor: Option<&OdsCode>,
    output: &mut impl Write,
) -> Result<u64, Error> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = tx.list_roles_after(after, grantor, PAGE)?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.value.id);
        for role in page {
            writeln!(output, "{}", bulk.line_of(role)).map_err(unwritten)?;
            count += 1;
        }
    }
}

fn unwritten(error: io::Error) -> Error {
    Error::new(ErrorKind::Fault, "cannot write the export").with_source(error)
}

/// Reports the numbers on standard error, because standard output may be the export.
fn finish(written: Result<(u64, u64), CommandFailure>) -> Result<(), CommandFailure> {
    let (roles, people) = written?;
    complain(&match people {
        0 => format!("{roles} roles"),
        people => format!("{people} people, {roles} roles"),
    });
    Ok(())
}

fn cannot(file: &Path, error: &io::Error) -> CommandFailure {
    CommandFailure::Other(format!("cannot write {}: {error}", file.display()))
}
