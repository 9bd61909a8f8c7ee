//! `onbehalf audit`: whether the audit record is what was written.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::verb::database::open_migrated_store;
use crate::verb::failure::{CommandFailure, complain};
use crate::verb::output::Output;
use base::error::Error;
use config::Sources;
use store::{Break, ChainHead, SegmentBreak};

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Walk the chains of the audit record and the access journal, and name where each first does not hold
    ///
    /// Prints the head of every chain, as CHAIN SEQUENCE HASH. Keep them where those who can write to the
    /// database cannot write: with --expect, a later run proves that the record still goes through them.
    Verify {
        /// The heads that an earlier run printed
        #[arg(long, value_name = "FILE")]
        expect: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
}

pub(super) fn audit(sources: &Sources, command: AuditCommand) -> Result<(), CommandFailure> {
    let AuditCommand::Verify { expect, output } = command;
    let config = sources.load()?;
    let kept = expect.as_deref().map(read).transpose()?.unwrap_or_default();
    let store = open_migrated_store(&config)?;
    // Before the chains: what is indexed meanwhile is looked at in one or the other.
    let segments = store.verify_access_journal()?.unwrap_or_default();
    let (heads, breaks) = store.read_here::<_, Error, _>(|tx| {
        // The heads are of the same instant as the walk.
        Ok((tx.list_audit_heads()?, tx.verify_audit(&kept)?))
    })?;
    let document = || {
        let broken = |broken: &Break| {
            let Break { chain, sequence, id, fault } = broken;
            json!({ "chain": chain, "sequence": sequence, "record": id, "fault": fault.to_string() })
        };
        let segment = |broken: &SegmentBreak| {
            let SegmentBreak { segment, position, fault } = broken;
            json!({ "segment": segment, "position": position, "fault": fault.to_string() })
        };
        let head =
            |head: &ChainHead| json!({ "chain": head.chain, "sequence": head.sequence, "hash": head.hash });
        json!({
            "heads": heads.iter().map(head).collect::<Vec<_>>(),
            "breaks": breaks.iter().map(broken).collect::<Vec<_>>(),
            "segments": segments.iter().map(segment).collect::<Vec<_>>(),
        })
    };
    output.print(document, || heads.iter().map(ToString::to_string).collect());
    for broken in breaks.iter().filter(|_| !output.json) {
        let id = broken.id.as_ref().map(|id| format!(", record {id}")).unwrap_or_default();
        complain(&format!("chain {}, sequence {}{id}: {}", broken.chain, broken.sequence, broken.fault));
    }
    for SegmentBreak { segment, position, fault } in segments.iter().filter(|_| !output.json) {
        complain(&format!("access journal, segment {segment}, byte {position}: {fault}"));
    }
    match breaks.len() {
        0 if !segments.is_empty() => {
            Err(CommandFailure::Other("the access journal does not hold".to_owned()))
        }
        0 => Ok(()),
        1 => Err(CommandFailure::Other("the audit record does not hold in 1 chain".to_owned())),
        more => Err(CommandFailure::Other(format!("the audit record does not hold in {more} chains"))),
    }
}

/// Reads heads, one a line. Empty lines and those that begin with # are for people.
fn read(file: &Path) -> Result<Vec<ChainHead>, CommandFailure> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| CommandFailure::Other(format!("cannot read {name}: {error}")))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.parse().map_err(|wrong| CommandFailure::Other(format!("{name}: {wrong}: {line}"))))
        .collect()
}
