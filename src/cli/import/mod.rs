//! `onbehalf import FILE`: imports roles from another system.
//!
//! A line is validated by the code that validates a create, on threads beside the writing one. Lines are
//! written in batches, each in one transaction with its audit records, its events, and the position in the
//! file: after any interruption, the next run continues after the last committed batch.

mod pipeline;
mod progress;
mod report;
mod run;
mod source;
mod tally;
mod validate;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use serde_json::json;

use crate::verb::database::open_migrated_store;
use crate::verb::failure::{CommandFailure, complain, say};
use crate::verb::output::Output;
use api_fhir::bulk::{Bulk, Take};
use base::clock::{Clock, SystemClock};
use base::ids;
use config::Sources;
use pipeline::Broken;
use progress::Progress;
use run::{ImportHalt, ImportRun};
use source::{FileFormat, Source};
use validate::validate;

/// The most lines of one transaction.
const BATCH: usize = 2000;

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct ImportOptions {
    /// The file: NDJSON of Consent, or CSV with a header
    file: PathBuf,
    /// The format of the file, if its name does not end in .csv or .ndjson
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// Validate every line, also against the database, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Import at most so many lines per second
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Write the lines that were not imported to this file, as NDJSON: line, outcome, and reason
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Keep the id, version and time of change of each role: for a file from `onbehalf export`
    #[arg(long)]
    as_exported: bool,
    /// Also import people, from lines that are a Patient; people who exist already are not changed
    #[arg(long)]
    with_people: bool,
    /// Start with the first line, even if an earlier run was stopped
    #[arg(long)]
    from_start: bool,
    #[command(flatten)]
    output: Output,
}

pub(super) fn import(sources: &Sources, options: &ImportOptions) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    let file = &options.file;
    let format = options.format.unwrap_or_else(|| FileFormat::of(file));
    check(options, format)?;
    let mut lines = Source::open(file, format, config.limits.body_bytes)?;
    let store = open_migrated_store(&config)?;
    let stop = stop_by_signal()
        .map_err(|error| CommandFailure::Other(format!("cannot listen for signals: {error}")))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let url = config.server.public_url.clone().unwrap_or_else(|| format!("http://{}", config.server.listen));
    let take = Take { as_exported: options.as_exported, people: options.with_people };
    let bulk = Bulk::new(config.contract, &url, Arc::clone(&clock), config.limits.json_depth, take);
    let id = ids::new_uuid(clock.now());
    let mut run = ImportRun::begin(run::ImportParts {
        store,
        clock,
        id,
        file,
        report: options.report.as_deref(),
        is_rehearsal: options.dry_run,
        mode: mode(options, format),
        from_start: options.from_start,
        is_table: format == FileFormat::Csv,
    })?;
    let position = run.place();
    if position.lines > 0 {
        let message = format!("continuing after line {}", position.lines);
        if options.output.json {
            complain(&message);
        } else {
            say(&message);
        }
        lines.seek(position).map_err(|error| source::cannot(file, &error))?;
    }
    let columns = lines.columns();
    let mut progress = Progress::start(file, position, options.rate);
    let batch =
        options.rate.map_or(BATCH, |rate| (usize::try_from(rate).unwrap_or(BATCH) / 5).clamp(1, BATCH));
    let width = std::thread::available_parallelism().map_or(1, usize::from);
    let taken = pipeline::run(
        lines,
        (batch, width),
        |raw| validate(&bulk, columns.as_ref(), raw),
        |batch| {
            progress.pace(batch.lines.len(), &stop);
            if stop.load(Ordering::Relaxed) {
                return Err(ImportHalt::Stopped);
            }
            run.take(&batch)?;
            progress.advance(&batch, run.tally());
            Ok(())
        },
    );
    progress.end();
    end(taken, &mut run, file, options)
}

/// Refuses combinations of options that are not possible.
fn check(options: &ImportOptions, format: FileFormat) -> Result<(), CommandFailure> {
    if options.as_exported && format == FileFormat::Csv {
        return Err(CommandFailure::Other("CSV has no ids to keep: --as-exported is for NDJSON".to_owned()));
    }
    let path = |file: &Path| std::fs::canonicalize(file).ok();
    let report = options.report.as_deref().and_then(path);
    if report.is_some() && report == path(&options.file) {
        return Err(CommandFailure::Other(
            "the report would overwrite the file: choose another name".to_owned(),
        ));
    }
    Ok(())
}

/// A flag that becomes true at a signal to stop.
fn stop_by_signal() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// What must be equal for a run to continue an earlier one.
fn mode(options: &ImportOptions, format: FileFormat) -> String {
    format!("{format:?} {} {}", options.as_exported, options.with_people)
}

/// Reports the result.
fn end(
    taken: Result<(), Broken<ImportHalt>>,
    run: &mut ImportRun,
    file: &Path,
    options: &ImportOptions,
) -> Result<(), CommandFailure> {
    let is_rehearsal = options.dry_run;
    let done = match taken {
        Ok(()) => run.finish(),
        Err(Broken::Taker(ImportHalt::Failed(failure))) => Err(failure),
        Err(Broken::Unreadable(error)) => Err(source::cannot(file, &error)),
        Err(Broken::Judge) => Err(CommandFailure::Other("the service failed to validate a line".to_owned())),
        Err(Broken::Taker(ImportHalt::Stopped)) => {
            let position = run.place();
            let message =
                format!("stopped after line {}: run the same command again to continue", position.lines);
            Err(CommandFailure::Other(message))
        }
    };
    let first =
        format!("run {}{}", run.id(), if is_rehearsal { ", dry run: nothing was written" } else { "" });
    let (id, lines, is_done, tally) = (run.id(), run.place().lines, done.is_ok(), run.tally());
    options.output.print(
        || {
            json!({
                "run": id.to_string(), "isRehearsal": is_rehearsal, "isDone": is_done, "lines": lines, "tally": tally,
            })
        },
        || [first].into_iter().chain(tally.lines()).collect(),
    );
    if let (Err(_), false) = (&done, is_rehearsal) {
        complain(&format!("everything up to line {} is in the database", run.place().lines));
    }
    done?;
    match run.tally().left_out() {
        0 => Ok(()),
        1 => Err(CommandFailure::Other("1 line was not imported".to_owned())),
        more => Err(CommandFailure::Other(format!("{more} lines were not imported"))),
    }
}
