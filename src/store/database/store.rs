//! The store: transactions on the database.

use std::any::type_name;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use r2d2::Pool;
use tokio::sync::Notify;

use super::options::{ReplicaOptions, StoreOptions};
use crate::access_journal::indexer::Indexer;
use crate::access_journal::journal::AccessJournal;
use crate::audit::KnownHead;
use crate::database_url::DatabaseUrl;
use crate::db::{Manager, SilentErrors, is_file};
use crate::replica::Replica;
use crate::threads::Threads;
use crate::tx;
use crate::tx::group::Group;
use crate::tx::{TransactionMode, Tx, Writer};
use base::error::Error;

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) readers: Pool<Manager>,
    pub(crate) writer: Writer,
    pub(crate) url: DatabaseUrl,
    pub(crate) statements: Arc<AtomicU64>,
    published: Arc<Notify>,
    pub(crate) threads: Arc<Threads>,
    /// For long reads: at most half of the connections.
    long: Arc<Threads>,
    /// On SQLite: writes that share a commit.
    group: Option<Group>,
    replica: Option<Arc<Replica>>,
    /// On SQLite in a file: where accesses are recorded.
    pub(crate) access_journal: Option<Arc<AccessJournal>>,
    /// On PostgreSQL: where the last accesses were added.
    pub(crate) known_head: Arc<KnownHead>,
    pub(crate) has_pooler: bool,
}

/// The threads on which a read runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Those that have the connections.
    Ordinary,
    /// For a few reads by key: on SQLite on the present thread, if a connection is free, for switching
    /// threads costs more than they do.
    Brief,
    /// For requests that may take long by their nature. Such reads have half of the connections at the most,
    /// and threads of lower priority.
    Long,
}

impl Store {
    /// Opens the database and checks that it answers.
    ///
    /// SQLite is written through one connection, so that writers queue for it in order and none waits in vain
    /// for SQLite's lock (measured with four: p99 of 0.7 to 1.1 s).
    ///
    /// # Errors
    ///
    /// One sentence for the operator where the database cannot be reached or created.
    pub fn open(options: &StoreOptions) -> Result<Self, Error> {
        let statements = Arc::new(AtomicU64::new(0));
        let (url, deadline) = (options.url.clone(), options.statement_deadline);
        let manager = Manager::new(url, options.has_pooler, deadline, Arc::clone(&statements))?;
        manager.probe()?;
        let pool = |manager: &Manager, connections: u32| {
            Pool::builder()
                .max_size(connections)
                .min_idle(Some(1))
                .test_on_check_out(false)
                .connection_timeout(options.wait)
                .error_handler(Box::new(SilentErrors))
                .build_unchecked(manager.clone())
        };
        let readers = pool(&manager, options.connections);
        let published: Arc<Notify> = Arc::default();
        let is_sqlite = options.url.is_sqlite();
        let writers = if is_sqlite { pool(&manager.for_writing(), 1) } else { readers.clone() };
        let writer = Writer { pool: writers, published: Arc::clone(&published), long: Arc::default() };
        let group = is_sqlite.then(|| Group::start(writer.clone(), options.wait)).transpose()?;
        let access_journal = match (options.url.file(), &group) {
            // What is in memory is gone with the process: there is nothing to bring to the disk.
            (Some(file), Some(group)) if is_file(file) => {
                let journal = AccessJournal::open(
                    file,
                    pool(&manager.for_indexing(), 1),
                    group.clone(),
                    options.index_accesses_after,
                )?;
                // The first journal of this manager: the cell was empty.
                let indexer: Weak<Indexer> = Arc::downgrade(&journal.indexer);
                drop(manager.tail.set(indexer));
                Some(Arc::new(journal))
            }
            _ => None,
        };
        let start = |asked: &ReplicaOptions| Replica::start(asked, options, &statements, readers.clone());
        let replica = options.replica.as_ref().map(start).transpose()?;
        let databases = if replica.is_some() { 2 } else { 1 };
        let threads = Threads::new(options.connections.saturating_mul(databases), options.wait, false)?;
        let long = Threads::new(options.connections / 2, options.wait, true)?;
        Ok(Self {
            readers,
            writer,
            url: options.url.clone(),
            statements,
            published,
            threads: Arc::new(threads),
            long: Arc::new(long),
            group,
            replica,
            access_journal,
            known_head: Arc::default(),
            has_pooler: options.has_pooler,
        })
    }

    /// Runs `work` in one read-only transaction that sees one snapshot.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`ErrorKind::Busy`](base::error::ErrorKind) where the database does not answer.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.read_in(Lane::Ordinary, work).await
    }

    /// As [`Store::read`], on the threads of this lane.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub async fn read_in<T, E, F>(&self, lane: Lane, mut work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if lane == Lane::Brief && self.url.is_sqlite() {
            work = match tx::run_now(&self.readers, TransactionMode::Read, &self.published, work) {
                Ok(result) => return result,
                Err(work) => work,
            };
        }
        let threads = match lane {
            Lane::Ordinary | Lane::Brief => &self.threads,
            Lane::Long => &self.long,
        };
        let store = self.clone();
        threads.run(move || store.read_here(work)).await
    }

    /// Runs `work`, which reads what one statement finds, without a transaction around it, whose beginning
    /// and end would cost as much as the statement; or what a few find that need not be of one moment. It is
    /// run again where the connection turns out to be dead. On SQLite it runs on the present thread if a
    /// connection is free. Behind a pooler there is a transaction, which carries the settings.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub async fn read_one<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if self.has_pooler {
            return self.read(work).await;
        }
        if self.url.is_sqlite()
            && let Some(result) = tx::run_bare_now(&self.readers, &work)
        {
            return result;
        }
        let readers = self.readers.clone();
        self.threads.run(move || tx::run_bare(&readers, &work)).await
    }

    /// Whether there is a replica.
    pub fn has_replica(&self) -> bool {
        self.replica.is_some()
    }

    /// Whether the replica may answer this reader: its lag is within the limit, and it has the reader's last
    /// write.
    pub fn may_read_late(&self, reader: &str) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.may_serve(reader))
    }

    /// As [`Store::read`], from the replica, which may lag by [`ReplicaOptions::most_lag`]; from the primary
    /// where the replica is unavailable, lags more, or does not have this reader's last write.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub async fn read_late<T, E, F>(&self, reader: String, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let Some(replica) = self.replica.clone() else { return self.read(work).await };
        let store = self.clone();
        let read = move || match replica.read(&reader, &store.published, work) {
            Ok(result) => result,
            Err(work) => store.read_here(work),
        };
        self.threads.run(read).await
    }

    /// Records that this reader has just written: their next read is not older than that.
    pub fn has_written(&self, reader: &str) {
        if let Some(replica) = &self.replica {
            replica.has_written(reader);
        }
    }

    /// Runs `work` in one transaction. All of it is on disk when this returns `Ok`; nothing of it happened
    /// when this returns `Err`. On SQLite it may share its commit with others ([`tx::group`]).
    ///
    /// # Errors
    ///
    /// Those of `work`; [`ErrorKind::Busy`](base::error::ErrorKind) where the database does not answer.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if let Some(group) = &self.group {
            return group.write(type_name::<F>(), work).await;
        }
        let store = self.clone();
        self.threads.run(move || store.write_here(work)).await
    }

    /// As [`Store::write`], for `work` that can be repeated: PostgreSQL may abort a transaction in favour of
    /// another one, and this one is then repeated, a few times. `name` names it in the log
    /// ([`std::any::type_name`]).
    ///
    /// # Errors
    ///
    /// As [`Store::write`].
    pub async fn write_again<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if let Some(group) = &self.group {
            return group.write(name, work).await;
        }
        let writer = self.writer.clone();
        self.threads.run(move || tx::run_again(&writer, name, work)).await
    }

    /// As [`Store::write`], on the present thread: for the command line.
    ///
    /// # Errors
    ///
    /// As [`Store::write`].
    pub fn write_here<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<Error>,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
    {
        let name = type_name::<F>();
        let pooled = tx::begin(&self.writer.pool, TransactionMode::Write)?;
        self.writer.watch(name, || tx::run_in_transaction(pooled, &self.published, work))
    }

    /// As [`Store::write_again`], on the present thread: for jobs.
    ///
    /// # Errors
    ///
    /// As [`Store::write`].
    pub fn write_here_again<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<Error>,
        F: FnMut(&mut Tx<'_>) -> Result<T, E>,
    {
        tx::run_again(&self.writer, type_name::<F>(), work)
    }

    /// As [`Store::read`], on the present thread: for the command line.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub fn read_here<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<Error>,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
    {
        tx::run(&self.readers, TransactionMode::Read, &self.published, work)
    }

    /// The URL of the database.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Waits until a transaction of this process has committed an event.
    pub async fn wait_for_events(&self) {
        self.published.notified().await;
    }

    /// The number of writes that have held the database for longer than two seconds since the store was
    /// opened. Each was logged.
    pub fn long_writes(&self) -> u64 {
        self.writer.long.load(Ordering::Relaxed)
    }

    /// The number of SQL statements sent since the store was opened, transaction control included.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}
