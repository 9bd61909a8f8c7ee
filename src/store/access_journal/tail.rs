//! What the audit record is read after: accesses that were answered and do not yet stand in it.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock, Weak};

use base::error::Error;

/// Writes to the audit record what stands in the access journal (`access_journal::Indexer`).
pub(crate) trait CatchUp: Debug + Send + Sync {
    /// Does it for what every process has written until now. Whether there is a journal at all.
    ///
    /// # Errors
    ///
    /// Database errors, and those of reading the files.
    fn catch_up(&self) -> Result<bool, Error>;
}

/// That of a store, once it has one.
pub(crate) type Tail = Arc<OnceLock<Weak<dyn CatchUp>>>;
