//! The delivery worker: assigns numbers to events, and sends notifications.
//!
//! It has its own thread, so that no request waits for it. A commit of this process wakes it, and it polls
//! for commits of others. Each due subscription is leased, which excludes all other processes, and served by
//! its own task until no notification is due. Each attempt is stored in one transaction with all that it
//! changes. When a process is killed, no attempt is lost: the next holder of the lease sends the notification
//! again, with the same numbers and the same id.

mod context;
mod deliver;
mod hosts;
mod next_action;
mod prepare;
mod record_attempt;
mod run;
mod schedule;
mod target;

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc;

pub use context::WorkerParts;
use context::{Signal, WorkerContext};
use hosts::Hosts;

/// The delivery thread. Dropping it stops delivery.
pub struct Worker {
    signals: mpsc::UnboundedSender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The operating system provides no thread, or no event queue.
    pub fn start(parts: WorkerParts) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (signals, heard) = mpsc::unbounded_channel();
        let context = WorkerContext {
            hosts: Mutex::new(Hosts::new(&parts.settings)),
            holder: parts.process.clone(),
            parts,
            signals: signals.clone(),
            is_stopping: AtomicBool::new(false),
        };
        let run = move || {
            runtime.block_on(run::run(Arc::new(context), heard));
            // A call to the database that hangs must not keep the process alive.
            runtime.shutdown_timeout(Duration::from_secs(1));
        };
        let thread = thread::Builder::new().name("delivery".to_owned()).spawn(run)?;
        Ok(Self { signals, thread: Some(thread) })
    }

    /// Stops delivery: no new work begins, running tasks have so long to finish, and every lease is returned.
    pub fn stop(mut self, patience: Duration) {
        self.end(patience);
    }

    fn end(&mut self, patience: Duration) {
        // If the receiver is gone, the thread has ended already.
        drop(self.signals.send(Signal::Stop(patience)));
        if let Some(Err(_panic)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("delivery panicked");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end(Duration::ZERO);
        }
    }
}
