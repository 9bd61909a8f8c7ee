//! Whether the files of the access journal are what was written.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use super::indexer::{Indexer, Segment};
use super::segment::{Place, Rest, first_hash, path_of, read_portion};
use base::error::Error;

/// The records that are held in memory at a time while a segment is walked.
const PORTION: usize = 1000;

/// A segment of the access journal that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentBreak {
    /// The name of its file.
    pub segment: String,
    /// The byte up to which it holds.
    pub position: u64,
    /// What is wrong.
    pub fault: SegmentFault,
}

/// What is wrong with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentFault {
    /// The file is gone, and not all of it was indexed.
    Missing,
    /// The file ends before what was written to it.
    CutOff,
    /// A line is not what was written, or does not follow the line before it.
    Changed,
    /// The database has no such segment.
    Unknown,
}

impl fmt::Display for SegmentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing: the file is not there, and not all of it was indexed",
            Self::CutOff => "cut off: the file ends before what was written to it",
            Self::Changed => "changed: a line is not what was written",
            Self::Unknown => "unknown: the database has no such segment (was it restored from a backup?)",
        })
    }
}

/// Walks every segment from its beginning and returns those that do not hold.
pub(super) fn verify_all(indexer: &Indexer) -> Result<Vec<SegmentBreak>, Error> {
    // In this order: a segment has its file before its row.
    let files = list_files(&indexer.folder)?;
    let segments = indexer.read(|tx| tx.list_segments())?;
    let known: BTreeSet<&str> = segments.iter().map(|segment| segment.id.as_str()).collect();
    let mut breaks = Vec::new();
    for id in files.iter().filter(|id| !known.contains(id.as_str())) {
        let path = path_of(&indexer.folder, id);
        let first = Place { position: 0, hash: first_hash(id) };
        // Without a line it is one that another process is making, or has just removed.
        if path.exists() && read_portion(&path, &first, 1)?.rest != Rest::Nothing {
            breaks.push(SegmentBreak { segment: id.clone(), position: 0, fault: SegmentFault::Unknown });
        }
    }
    for segment in segments.iter().filter(|segment| !segment.is_removed) {
        breaks.extend(verify(indexer, segment)?);
    }
    Ok(breaks)
}

fn list_files(folder: &Path) -> Result<Vec<String>, Error> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(Error::fault)?;
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).map_err(Error::fault)
    };
    entries.map(name).collect()
}

fn verify(indexer: &Indexer, segment: &Segment) -> Result<Option<SegmentBreak>, Error> {
    let path = path_of(&indexer.folder, &segment.id);
    let broken = |position: u64, fault| Some(SegmentBreak { segment: segment.id.clone(), position, fault });
    let indexed = segment.place();
    if !path.exists() {
        // A server may have removed it meanwhile, when it was indexed.
        let now = indexer.read(|tx| tx.list_segments())?;
        let is_there = now.iter().any(|now| now.id == segment.id && !now.is_removed);
        return Ok(if is_there { broken(indexed.position, SegmentFault::Missing) } else { None });
    }
    let mut place = Place { position: 0, hash: first_hash(&segment.id) };
    loop {
        // A portion ends at the indexed place, so that the hash there is compared.
        let portion = read_portion(&path, &place, PORTION)?;
        let passes = place.position <= indexed.position && indexed.position <= portion.end.position;
        if passes && !holds_at(&path, &place, &indexed)? {
            return Ok(broken(place.position, SegmentFault::Changed));
        }
        place = portion.end;
        match portion.rest {
            Rest::Unread => {}
            Rest::Changed => return Ok(broken(place.position, SegmentFault::Changed)),
            Rest::Nothing => {
                let written = segment.length.and_then(|length| u64::try_from(length).ok());
                let is_cut = place.position < written.unwrap_or(indexed.position);
                return Ok(if is_cut { broken(place.position, SegmentFault::CutOff) } else { None });
            }
        }
    }
}

/// Whether the lines from one place on come to another place, and to its hash.
fn holds_at(path: &Path, from: &Place, to: &Place) -> Result<bool, Error> {
    let mut place = from.clone();
    while place.position < to.position {
        let next = read_portion(path, &place, 1)?.end;
        if next == place {
            return Ok(false);
        }
        place = next;
    }
    Ok(place == *to)
}
