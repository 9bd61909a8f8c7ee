//! The indexer: what stands in the access journal is written to `audit_records`, each record once.
//!
//! A portion is read and parsed before the writer of the database is held. Its transaction moves the segment's position only
//! from where the portion began: of two processes that index the same portion, one finds that it was moved and reads on.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use super::segment::{Place, Portion, Rest, path_of, read_portion};
use crate::access_journal::tail::CatchUp;
use crate::audit::AuditRecord;
use crate::db::Manager;
use crate::dialect::on_dialect;
use crate::schema::access_segments as segments;
use crate::sql::Sql;
use crate::tx::group::Group;
use crate::tx::{TransactionMode, Tx, run};
use base::error::{Error, ErrorKind};

/// The records of one transaction: others that write wait for it meanwhile.
const PORTION: usize = 256;

/// A row of `access_segments`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = segments)]
pub(super) struct Segment {
    pub(super) id: String,
    pub(super) position: i64,
    pub(super) hash: String,
    pub(super) length: Option<i64>,
    pub(super) is_removed: bool,
}

impl Segment {
    pub(super) fn place(&self) -> Place {
        Place { position: u64::try_from(self.position).unwrap_or_default(), hash: self.hash.clone() }
    }
}

/// What indexes the journal of one database.
pub(crate) struct Indexer {
    pub(super) folder: PathBuf,
    /// A connection of its own: a transaction that reads accesses holds another while it waits for the indexer.
    readers: r2d2::Pool<Manager>,
    group: Group,
    /// One at a time in a process.
    turn: Mutex<()>,
}

impl Indexer {
    pub(super) fn new(folder: PathBuf, readers: r2d2::Pool<Manager>, group: Group) -> Self {
        Self { folder, readers, group, turn: Mutex::default() }
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        run(&self.readers, TransactionMode::Read, &tokio::sync::Notify::new(), work)
    }

    pub(super) fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // On a thread of its own: the present one may be one that must not block in the way of the group.
        let write = || self.group.write_here(name, work);
        std::thread::scope(|scope| scope.spawn(write).join())
            .unwrap_or_else(|_panic| Err(Error::fault("the indexer panicked")))
    }

    /// Indexes one segment to its end.
    fn index(&self, segment: &Segment, path: &Path) -> Result<Option<Place>, Error> {
        if segment.is_removed {
            return Ok(Some(segment.place()));
        }
        let mut from = segment.place();
        loop {
            let Portion { records, end, rest } = read_portion(path, &from, PORTION)?;
            let is_near_end = records.len() < PORTION;
            if end != from {
                let (id, start, place) = (segment.id.clone(), from, end.clone());
                let index = move |tx: &mut Tx<'_>| tx.index_portion(&id, &start, &place, records);
                if !self.write("index accesses", index)? {
                    // Another process has it in hand.
                    return Ok(None);
                }
            }
            from = end;
            match rest {
                Rest::Changed => {
                    return Err(Error::fault("a line is not what was written"));
                }
                Rest::Nothing => return Ok(Some(from)),
                Rest::Unread if is_near_end => return Ok(None),
                Rest::Unread => {}
            }
        }
    }

    /// Removes a file that is indexed and that no process writes to any more.
    fn remove_if_done(&self, segment: &Segment, path: &Path, end: Option<&Place>) -> Result<(), Error> {
        let Some(end) = end else { return Ok(()) };
        let is_whole = segment.length.is_none_or(|length| u64::try_from(length) == Ok(end.position));
        if !is_whole {
            tracing::error!(
                segment = segment.id,
                "a segment of the access journal ends before its last line"
            );
            return Ok(());
        }
        if !segment.is_removed {
            let is_free = File::open(path).is_ok_and(|file| file.try_lock().is_ok());
            // Its process can have written a last line before it let go of the file.
            let is_still_end = is_free && read_portion(path, end, 1)?.end == *end;
            if !is_still_end {
                return Ok(());
            }
            let (id, end) = (segment.id.clone(), end.clone());
            if !self.write("remove a segment", move |tx| tx.mark_segment_removed(&id, &end))? {
                return Ok(());
            }
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::fault(error)),
            Ok(()) | Err(_) => {}
        }
        let id = segment.id.clone();
        self.write("remove a segment", move |tx| tx.delete_segment(&id))
    }
}

impl CatchUp for Indexer {
    /// A segment that is missing or was changed is logged and passed over: `audit verify` reports it.
    fn catch_up(&self) -> Result<bool, Error> {
        if !self.folder.exists() {
            return Ok(false);
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for segment in self.read(list_segments)? {
            let path = path_of(&self.folder, &segment.id);
            match self.index(&segment, &path) {
                Ok(end) => self.remove_if_done(&segment, &path, end.as_ref())?,
                Err(error) if error.kind() == ErrorKind::Busy => return Err(error),
                Err(error) => {
                    tracing::error!(
                        segment = segment.id,
                        cause = error.cause(),
                        "a segment of the access journal cannot be indexed"
                    );
                }
            }
        }
        Ok(true)
    }
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The segments in the order in which they were begun.
pub(super) fn list_segments(tx: &mut Tx<'_>) -> Result<Vec<Segment>, Error> {
    Ok(segments::table.order(segments::number).select(Segment::as_select()).load(tx.db)?)
}

impl Tx<'_> {
    pub(super) fn insert_segment(&mut self, id: &str, first_hash: &str) -> Result<(), Error> {
        let last: Option<i64> = segments::table.select(diesel::dsl::max(segments::number)).first(self.db)?;
        let row = (
            segments::id.eq(id),
            segments::number.eq(last.unwrap_or_default() + 1),
            segments::position.eq(0),
            segments::hash.eq(first_hash),
            segments::is_removed.eq(false),
        );
        diesel::insert_into(segments::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// The process that wrote the segment writes no more to it.
    pub(super) fn close_segment(&mut self, id: &str, length: u64) -> Result<(), Error> {
        let length = i64::try_from(length).map_err(Error::fault)?;
        diesel::update(segments::table.find(id)).set(segments::length.eq(length)).execute(self.db)?;
        Ok(())
    }

    /// Whether the records were written, and the segment's position moved with them: not where it no longer is at `start`.
    fn index_portion(
        &mut self,
        id: &str,
        start: &Place,
        end: &Place,
        mut records: Vec<AuditRecord>,
    ) -> Result<bool, Error> {
        let position = |place: &Place| i64::try_from(place.position).map_err(Error::fault);
        let go_on = "UPDATE access_segments SET position = ?, hash = ? WHERE id = ? AND position = ?";
        let go_on =
            Sql::fixed(go_on).number(position(end)?).text(&end.hash).text(id).number(position(start)?);
        let moved = on_dialect!(self.db, c => go_on.execute(c))?;
        if moved == 1 {
            self.pending.append(&mut records);
        }
        Ok(moved == 1)
    }

    fn mark_segment_removed(&mut self, id: &str, end: &Place) -> Result<bool, Error> {
        let position = i64::try_from(end.position).map_err(Error::fault)?;
        let row = segments::table.find(id).filter(segments::position.eq(position));
        Ok(diesel::update(row).set(segments::is_removed.eq(true)).execute(self.db)? == 1)
    }

    fn delete_segment(&mut self, id: &str) -> Result<(), Error> {
        diesel::delete(segments::table.find(id).filter(segments::is_removed)).execute(self.db)?;
        Ok(())
    }
}
