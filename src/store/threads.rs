//! The threads on which the database is asked: as many as it has connections, for all who serve requests. Whoever finds all of
//! them busy waits where that costs no thread: each keeps memory of its own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use base::error::Error;
use base::priority::give_way;

/// Threads that may block. They end with the last store that has them.
pub(super) struct Threads {
    runtime: Option<Runtime>,
    turns: Arc<Semaphore>,
    wait: Duration,
}

impl Threads {
    /// Room for `most` threads, each of which is started when it is needed. A turn is waited for as long as `wait`. Those for
    /// long work give way to all others.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(super) fn new(most: u32, wait: Duration, are_for_long: bool) -> Result<Self, Error> {
        let most = usize::try_from(most).map_err(Error::fault)?.max(1);
        let mut runtime = Builder::new_current_thread();
        runtime.max_blocking_threads(most).thread_name("store");
        if are_for_long {
            runtime.thread_name("store-long").on_thread_start(give_way);
        }
        Ok(Self {
            runtime: Some(runtime.build().map_err(Error::fault)?),
            turns: Arc::new(Semaphore::new(most)),
            wait,
        })
    }

    /// Runs `work` on one of them.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`Kind::Busy`](base::error::Kind) when its turn does not come in time.
    pub(super) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.turns).acquire_owned()).await;
        let (Ok(Ok(turn)), Some(runtime)) = (turn, &self.runtime) else {
            return Err(Error::busy("all connections to the database were in use for too long").into());
        };
        // The turn is over with the work, also where nobody waits for its result any more.
        let done = runtime.spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        match done.await {
            Ok(result) => result,
            Err(stopped) => Err(Error::fault(stopped).into()),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // What runs is not waited for: the last store may be dropped on a thread that must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}
