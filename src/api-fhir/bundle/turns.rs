//! Whose Bundle may be taken apart.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use base::error::Error;

/// How many Bundles are in memory as a tree at a time, for each core: a tree takes some twenty times the bytes that came.
const BUNDLES: usize = 2;

/// The turns of Bundles. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BundleTurns {
    free: Arc<Semaphore>,
    wait: Duration,
}

impl BundleTurns {
    /// As many turns as the cores allow; each is waited for so long at the most.
    pub fn new(wait: Duration) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { free: Arc::new(Semaphore::new(BUNDLES * cores)), wait }
    }

    /// Waits until a Bundle that has arrived may be taken apart, and be carried out while what is returned is held.
    ///
    /// # Errors
    ///
    /// [`Kind::Busy`](base::error::Kind) when that takes longer than a request may take to arrive.
    pub(crate) async fn take(&self) -> Result<OwnedSemaphorePermit, Error> {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.free).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Error::busy("too many bundles were carried out for too long"));
        };
        Ok(turn)
    }
}
