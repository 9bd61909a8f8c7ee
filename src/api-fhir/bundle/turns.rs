//! Limits how many Bundles are processed at a time.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use base::error::Error;

/// How many Bundles are in memory as JSON trees at a time, where there are fewer cores: one can wait for the
/// database while another is read. A tree takes some twenty times the bytes received.
const FEWEST: usize = 2;

/// The permits for Bundles. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BundleTurns {
    free: Arc<Semaphore>,
    wait: Duration,
}

impl BundleTurns {
    /// One permit for each core; a request waits for one at most this long.
    pub fn new(wait: Duration) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { free: Arc::new(Semaphore::new(cores.max(FEWEST))), wait }
    }

    /// Waits for a permit to parse a received Bundle and to process it; the permit is held until it is
    /// dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`](base::error::ErrorKind) when that takes longer than a request may take to arrive.
    pub(crate) async fn take(&self) -> Result<OwnedSemaphorePermit, Error> {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.free).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Error::busy("too many Bundles are being processed"));
        };
        Ok(turn)
    }
}
