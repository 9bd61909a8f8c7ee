//! Threads for CPU work on large requests: parsing, validating, ordering, patching, rendering. The threads
//! that serve connections do this only for small ones, so that the time of one request does not depend on the
//! size of another.
//!
//! As many run as there are cores. Further work waits in a queue of bounded length and for a bounded time;
//! then the request is answered 503.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::priority::give_way;

/// Up to this size of its input, in bytes, work runs on the calling thread: switching threads would cost more
/// than it saves.
pub const INLINE: usize = 16 * 1024;
/// The most waiting tasks for each thread.
const QUEUE: usize = 32;

/// A pool of threads. Cheap to clone; its threads end with the last of its clones.
#[derive(Clone)]
pub struct CpuPool(Arc<Threads>);

struct Threads {
    runtime: Option<Runtime>,
    /// Running tasks.
    running: Arc<Semaphore>,
    /// Running and waiting tasks.
    admitted: Arc<Semaphore>,
    wait: Duration,
}

impl CpuPool {
    /// One thread per core, started when it is needed. A task waits up to `wait` for its turn.
    pub fn new(wait: Duration) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::of(cores, QUEUE * cores, wait)
    }

    fn of(threads: usize, queue: usize, wait: Duration) -> Self {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(threads)
            .thread_name("cpu")
            .on_thread_start(give_way)
            .build();
        let runtime = runtime.inspect_err(|fault| tracing::error!(%fault, "there is no CPU pool"));
        Self(Arc::new(Threads {
            runtime: runtime.ok(),
            running: Arc::new(Semaphore::new(threads)),
            admitted: Arc::new(Semaphore::new(threads + queue)),
            wait,
        }))
    }

    /// Runs `work` on input of this size, in bytes: at once where that is small, else on a thread of the
    /// pool. Work whose caller has gone before its turn is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`](crate::error::ErrorKind) where the queue is full, or its turn does not come in time.
    pub async fn run<T, F>(&self, bytes: usize, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        if bytes <= INLINE {
            return Ok(work());
        }
        let Ok(admitted) = Arc::clone(&self.0.admitted).try_acquire_owned() else {
            return Err(Error::busy("too many large requests wait to be read"));
        };
        let turn = Arc::clone(&self.0.running).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(self.0.wait, turn).await else {
            return Err(Error::busy("large requests were read for too long"));
        };
        self.run_in_turn((turn, Some(admitted)), work).await
    }

    /// As [`CpuPool::run`], for the response of a write that was committed: it waits without a limit, for a
    /// refusal would say that nothing was written.
    ///
    /// # Errors
    ///
    /// When `work` panics.
    pub async fn run_to_end<T, F>(&self, bytes: usize, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        if bytes <= INLINE {
            return Ok(work());
        }
        let turn = Arc::clone(&self.0.running).acquire_owned().await.map_err(Error::fault)?;
        self.run_in_turn((turn, None), work).await
    }

    async fn run_in_turn<T, F>(
        &self,
        turn: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
        work: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let Some(runtime) = &self.0.runtime else { return Err(Error::fault("there is no CPU pool")) };
        // The turn ends with the work, also where the request has gone meanwhile.
        let done = runtime.spawn_blocking(move || {
            let value = work();
            drop(turn);
            value
        });
        done.await.map_err(Error::fault)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Running work is not waited for: the last clone may be dropped on a thread that must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for CpuPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuPool").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use futures_util::future::join;

    use super::{CpuPool, INLINE};
    use crate::error::ErrorKind;

    #[actix_rt::test]
    async fn small_input_runs_on_the_calling_thread_and_large_input_on_the_cpu_pool() {
        let pool = CpuPool::of(1, 1, Duration::from_secs(5));
        let here = thread::current().id();
        assert_eq!(pool.run(INLINE, move || thread::current().id()).await.unwrap(), here);
        assert_ne!(pool.run(INLINE + 1, move || thread::current().id()).await.unwrap(), here);
    }

    #[actix_rt::test]
    async fn full_cpu_queue_and_wait_timeout_are_503() {
        let pool = CpuPool::of(1, 1, Duration::from_millis(100));
        let (let_go, held) = mpsc::channel::<()>();
        let large = INLINE + 1;
        let running = pool.run(large, move || held.recv().is_ok());
        let others = async {
            let waits = pool.run(large, || true);
            let finds_it_full = async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                pool.run(large, || true).await
            };
            let (waits, finds_it_full) = join(waits, finds_it_full).await;
            assert_eq!(pool.run(1, || 1).await.unwrap(), 1);
            let of_a_write = pool.run_to_end(large, || true);
            let let_go = async {
                tokio::time::sleep(Duration::from_millis(150)).await;
                let_go.send(()).unwrap();
            };
            assert!(join(of_a_write, let_go).await.0.unwrap());
            (waits, finds_it_full)
        };
        let (running, (waits, finds_it_full)) = join(running, others).await;
        assert!(running.unwrap());
        assert_eq!(waits.unwrap_err().kind(), ErrorKind::Busy);
        assert_eq!(finds_it_full.unwrap_err().kind(), ErrorKind::Busy);
        assert!(pool.run(large, || true).await.unwrap());
    }

    #[actix_rt::test]
    async fn panic_in_the_cpu_pool_is_an_error_and_frees_its_thread() {
        let pool = CpuPool::of(1, 0, Duration::from_secs(5));
        let fault = pool.run(INLINE + 1, || panic!("a fault of ours")).await.unwrap_err();
        assert_eq!(fault.kind(), ErrorKind::Fault);
        assert!(pool.run(INLINE + 1, || true).await.unwrap());
    }
}
