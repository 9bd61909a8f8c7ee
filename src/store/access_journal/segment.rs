//! A segment: one file of the access journal.
//!
//! A line is `HASH RECORDS\n`: the SHA-256, in hexadecimal, over the hash of the line before it and over RECORDS, a JSON
//! array of audit records that are not yet chained. Before the first line stands, in place of a hash, that of the segment's
//! id. The file is filled with zero bytes when it is made, so that a line overwrites what is there: a flush then writes data
//! and no metadata. A zero byte where a line would begin, or within one, is the end of what was written.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::audit::AuditRecord;
use base::error::Error;
use base::token::to_hex;

/// The bytes of a segment: where a line would go beyond them, the next segment begins.
pub(super) const SIZE: u64 = 4 << 20;
/// The records of one line at the most.
const LINE: usize = 64;
/// The bytes of one line at the most. A record holds texts of requests, whose lengths are limited: 64 of them are less.
const LONGEST: u64 = 16 << 20;
/// What is hashed before the id of a segment, so that this is the hash of nothing else.
const DOMAIN: &str = "onbehalf access journal 1";

/// The segment that this process writes to. Its file is locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct SegmentWriter {
    pub(super) id: String,
    file: File,
    hash: String,
    /// The bytes of the lines.
    pub(super) length: u64,
}

impl SegmentWriter {
    /// Makes the file and brings it to the disk.
    pub(super) fn create(folder: &Path, id: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path_of(folder, id))?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::Error(error) => error,
            std::fs::TryLockError::WouldBlock => io::ErrorKind::ResourceBusy.into(),
        })?;
        io::copy(&mut io::repeat(0).take(SIZE), &mut &file)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(Self { id: id.to_owned(), file, hash: first_hash(id), length: 0 })
    }

    /// Writes these records behind the others and brings them to the disk. After an error nothing may be written to this
    /// segment any more: how much of it came to the disk is not known.
    pub(super) fn append(&mut self, records: &[AuditRecord]) -> io::Result<()> {
        let mut lines = Vec::with_capacity(records.len() * 512);
        for records in records.chunks(LINE) {
            let start = lines.len();
            lines.resize(start + 64, 0);
            lines.push(b' ');
            serde_json::to_writer(&mut lines, records)?;
            let hash = hash_of(&self.hash, lines.get(start + 65..).unwrap_or_default());
            if let Some(place) = lines.get_mut(start..start + 64) {
                place.copy_from_slice(hash.as_bytes());
            }
            lines.push(b'\n');
            self.hash = hash;
        }
        self.file.write_all_at(&lines, self.length)?;
        self.file.sync_data()?;
        self.length += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// The place of a segment's file.
pub(super) fn path_of(folder: &Path, id: &str) -> PathBuf {
    folder.join(id)
}

/// What stands for the hash before the first line of a segment.
pub(super) fn first_hash(id: &str) -> String {
    hash_of(DOMAIN, id.as_bytes())
}

fn hash_of(previous: &str, records: &[u8]) -> String {
    to_hex(&Sha256::new().chain_update(previous).chain_update(records).finalize().into())
}

/// A place in a segment: behind a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) position: u64,
    pub(super) hash: String,
}

/// What was read from a place on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) records: Vec<AuditRecord>,
    pub(super) end: Place,
    pub(super) rest: Rest,
}

/// What stands behind a portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Perhaps another line.
    Unread,
    /// Nothing, or a line of which only a part was written.
    Nothing,
    /// A line that is not what was written, or that does not follow the one before it.
    Changed,
}

/// Reads lines from this place on: until there are as many records as wanted, or to the end.
pub(super) fn read_portion(path: &Path, from: &Place, wanted: usize) -> Result<Portion, Error> {
    let mut file = File::open(path).map_err(Error::fault)?;
    let mut portion = Portion { records: Vec::new(), end: from.clone(), rest: Rest::Unread };
    let is_cut = file.metadata().map_err(Error::fault)?.len() < from.position;
    if is_cut {
        portion.rest = Rest::Changed;
        return Ok(portion);
    }
    file.seek(SeekFrom::Start(from.position)).map_err(Error::fault)?;
    let mut lines = BufReader::with_capacity(64 << 10, file);
    while portion.rest == Rest::Unread && portion.records.len() < wanted {
        let mut line = Vec::new();
        // Behind the last line stand zero bytes, to the end of the file.
        if lines.fill_buf().map_err(Error::fault)?.first() != Some(&0) {
            lines.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(Error::fault)?;
        }
        portion.insert_if_new(&line);
    }
    Ok(portion)
}

impl Portion {
    fn insert_if_new(&mut self, line: &[u8]) {
        let Some((b'\n', text)) = line.split_last() else {
            self.rest = Rest::Nothing;
            return;
        };
        if text.contains(&0) {
            self.rest = Rest::Nothing;
            return;
        }
        let Some((hash, json)) = text.split_at_checked(65) else {
            self.rest = Rest::Changed;
            return;
        };
        let expected = hash_of(&self.end.hash, json);
        let is_whole = hash.split_last() == Some((&b' ', expected.as_bytes()));
        match serde_json::from_slice::<Vec<AuditRecord>>(json) {
            Ok(mut records) if is_whole => {
                self.records.append(&mut records);
                self.end.position += u64::try_from(line.len()).unwrap_or(u64::MAX);
                self.end.hash = expected;
            }
            Ok(_) | Err(_) => self.rest = Rest::Changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::account::{Caller, Principal};
    use domain::audit::{Act, Actor, Interaction, Outcome, People};

    use super::{Place, Rest, SegmentWriter, first_hash, path_of, read_portion};
    use crate::audit::AuditRecord;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn record(number: i64) -> AuditRecord {
        let caller =
            Caller::direct(Principal::System { name: "a \"name\"\nof two lines, with a \0".to_owned() });
        let at = DateTime::from_timestamp(number, 0).unwrap();
        let act = Act::Access(Interaction::Read);
        AuditRecord::new(act, &Actor::of(&caller), Outcome::Allowed, People::default(), at)
    }

    /// A segment with batches of these sizes, and its records.
    fn written(folder: &std::path::Path, batches: &[i64]) -> Vec<AuditRecord> {
        let mut segment = SegmentWriter::create(folder, ID).unwrap();
        let mut all = Vec::new();
        for size in batches {
            let batch: Vec<_> = (0..*size).map(record).collect();
            segment.append(&batch).unwrap();
            all.extend(batch);
        }
        all
    }

    fn start() -> Place {
        Place { position: 0, hash: first_hash(ID) }
    }

    #[test]
    fn records_are_read_back_portion_by_portion() {
        let folder = tempfile::tempdir().unwrap();
        let all = written(folder.path(), &[1, 200, 3, 64, 65]);
        for wanted in [1, 2, 64, 100, 1000] {
            let (mut place, mut found) = (start(), Vec::new());
            loop {
                let portion = read_portion(&path_of(folder.path(), ID), &place, wanted).unwrap();
                assert!(portion.records.len() < wanted + 64);
                place = portion.end;
                found.extend(portion.records);
                assert_ne!(portion.rest, Rest::Changed);
                if portion.rest == Rest::Nothing {
                    break;
                }
            }
            assert_eq!(found, all, "{wanted}");
        }
    }

    #[test]
    fn no_changed_byte_of_a_line_is_read_as_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let all = written(folder.path(), &[1, 1]);
        let path = path_of(folder.path(), ID);
        let whole = std::fs::read(&path).unwrap();
        let end = whole.iter().position(|byte| *byte == 0).unwrap();
        for at in 0..end {
            for byte in [whole[at] ^ 1, b'0', b'"', 0, b'\n'] {
                let mut changed = whole[..end + 10].to_vec();
                changed[at] = byte;
                std::fs::write(&path, &changed).unwrap();
                let portion = read_portion(&path, &start(), 100).unwrap();
                let is_same = changed[..end] == whole[..end];
                assert_eq!(portion.records == all, is_same, "byte {at} as {byte}");
                assert!(all.starts_with(&portion.records), "byte {at} as {byte}");
            }
        }
    }
}
