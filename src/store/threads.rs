//! The threads that run database work: as many as it has connections, for all requests. When all are busy,
//! callers wait asynchronously, for each thread takes memory of its own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use base::error::Error;
use base::priority::give_way;

/// Threads that may block. They end with the last store that uses them.
pub(super) struct Threads {
    runtime: Option<Runtime>,
    turns: Arc<Semaphore>,
    wait: Duration,
}

impl Threads {
    /// Up to `most` threads, each started when it is needed. A caller waits up to `wait` for its turn. Those
    /// for long work have a lower priority.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
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
    /// Those of `work`; [`ErrorKind::Busy`](base::error::ErrorKind) where its turn does not come in time.
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
        // The turn ends with the work, also where no caller waits for its result any more.
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
        // Running work is not waited for: the last store may be dropped on a thread that must not block.
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
