//! Reads the lines of a file one after the other: NDJSON, or CSV with a header.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use csv::{ByteRecord, Position, ReaderBuilder};

use crate::verb::failure::CommandFailure;
use api_fhir::bulk::Columns;

/// The size of a read, in bytes.
const BUFFER: usize = 1 << 18;

/// A position in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FilePosition {
    /// The number of bytes before it.
    pub(super) bytes: u64,
    /// The number of lines before it.
    pub(super) lines: u64,
}

/// A raw line.
pub(super) struct Raw {
    /// Its number in the file, from 1.
    pub(super) number: u64,
    /// Its content.
    pub(super) content: LineContent,
}

/// The content of a line.
pub(super) enum LineContent {
    /// A line of NDJSON, not parsed.
    Json(Vec<u8>),
    /// The cells of a row.
    Row(ByteRecord),
    /// It is longer than allowed.
    TooLong,
}

/// A file that is read line by line.
pub(super) struct Source {
    lines: Lines,
    /// The most bytes of a line.
    most: usize,
}

enum Lines {
    Json { file: BufReader<File>, position: FilePosition },
    Table { rows: csv::Reader<File>, columns: Columns },
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FileFormat {
    /// One resource on each line
    Ndjson,
    /// A table with a header
    Csv,
}

impl FileFormat {
    /// The format by the suffix of a file name; NDJSON for any other.
    pub(super) fn of(file: &Path) -> Self {
        let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if is_csv { Self::Csv } else { Self::Ndjson }
    }
}

impl Source {
    /// Opens a file, and reads the header of a CSV file.
    pub(super) fn open(path: &Path, format: FileFormat, most: usize) -> Result<Self, CommandFailure> {
        let name = path.display();
        let file = File::open(path).map_err(|error| cannot(path, &error))?;
        let lines = match format {
            FileFormat::Ndjson => Lines::Json {
                file: BufReader::with_capacity(BUFFER, file),
                position: FilePosition::default(),
            },
            FileFormat::Csv => {
                // A row of another length is refused by itself, with its line number.
                let mut rows = ReaderBuilder::new().flexible(true).buffer_capacity(BUFFER).from_reader(file);
                let header = rows.byte_headers().map_err(|error| cannot(path, &error.into()))?;
                let header: Option<Vec<&str>> =
                    header.iter().map(|cell| std::str::from_utf8(cell).ok()).collect();
                let failure = || CommandFailure::Other(format!("{name}: the header is not in UTF-8"));
                let columns = Columns::read(header.ok_or_else(failure)?.into_iter());
                let columns = columns.map_err(|wrong| CommandFailure::Other(format!("{name}: {wrong}")))?;
                Lines::Table { rows, columns }
            }
        };
        Ok(Self { lines, most })
    }

    /// The columns of a CSV file.
    pub(super) fn columns(&self) -> Option<Columns> {
        match &self.lines {
            Lines::Json { .. } => None,
            Lines::Table { columns, .. } => Some(columns.clone()),
        }
    }

    /// Continues at a position after the end of a line.
    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        match &mut self.lines {
            Lines::Json { file, position } => {
                file.seek(SeekFrom::Start(to.bytes))?;
                *position = to;
            }
            Lines::Table { rows, .. } => {
                let mut position = Position::new();
                position.set_byte(to.bytes).set_line(to.lines + 1);
                rows.seek(position)?;
            }
        }
        Ok(())
    }

    /// The next lines, at most `wanted`, and the position after them; none at the end of the file. Empty
    /// lines are counted and skipped.
    pub(super) fn read(&mut self, wanted: usize) -> io::Result<(Vec<Raw>, FilePosition)> {
        let mut found = Vec::with_capacity(wanted);
        match &mut self.lines {
            Lines::Json { file, position } => {
                while found.len() < wanted {
                    let Some(content) = read_line(file, position, self.most)? else { break };
                    let is_empty = matches!(&content, LineContent::Json(line) if line.iter().all(u8::is_ascii_whitespace));
                    if !is_empty {
                        found.push(Raw { number: position.lines, content });
                    }
                }
                Ok((found, *position))
            }
            Lines::Table { rows, .. } => {
                let mut row = ByteRecord::new();
                while found.len() < wanted && rows.read_byte_record(&mut row)? {
                    let number = row.position().map_or(0, Position::line);
                    let is_long = row.as_slice().len() > self.most;
                    let row = std::mem::take(&mut row);
                    let content = if is_long { LineContent::TooLong } else { LineContent::Row(row) };
                    found.push(Raw { number, content });
                }
                let position = rows.position();
                Ok((found, FilePosition { bytes: position.byte(), lines: position.line().saturating_sub(1) }))
            }
        }
    }
}

/// Reads a line without its end; keeps at most the allowed length.
fn read_line(
    file: &mut BufReader<File>,
    position: &mut FilePosition,
    most: usize,
) -> io::Result<Option<LineContent>> {
    let mut line = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut read = u64::try_from(file.by_ref().take(limit).read_until(b'\n', &mut line)?).unwrap_or(u64::MAX);
    if read == 0 {
        return Ok(None);
    }
    let is_long = line.last() != Some(&b'\n') && read == limit;
    if is_long {
        read += skip_line(file)?;
    }
    if *position == FilePosition::default() && line.starts_with(b"\xef\xbb\xbf") {
        // A byte order mark, which some editors write.
        line.drain(..3);
    }
    *position = FilePosition { bytes: position.bytes + read, lines: position.lines + 1 };
    Ok(Some(if is_long { LineContent::TooLong } else { LineContent::Json(line) }))
}

/// Skips the rest of a line and returns its length.
fn skip_line(file: &mut BufReader<File>) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = file.fill_buf()?;
        let (used, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        file.consume(used);
        skipped += u64::try_from(used).unwrap_or(u64::MAX);
        if is_end {
            return Ok(skipped);
        }
    }
}

pub(super) fn cannot(file: &Path, error: &io::Error) -> CommandFailure {
    CommandFailure::Other(format!("cannot read {}: {error}", file.display()))
}
