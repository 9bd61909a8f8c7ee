//! Delivery: events get their numbers, and consumers are told.
//!
//! One thread of its own, so that nothing in a request waits for it. It is woken by a commit of this process and
//! looks by itself for what others have committed. Each subscription that is due is leased, which keeps all other
//! processes away from it, and served by a task of its own until there is nothing to send. Each attempt is written
//! down in one transaction with all that it changes; a process that is killed loses none, and what it was sending
//! is sent again by whoever takes the lease over, with the same numbers and the same id.

mod context;
mod deliver;
mod hosts;
mod look;
mod place;
mod run;
mod schedule;
mod settle;
mod step;

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc;

pub use context::Parts;
use context::{Context, Signal};
use hosts::Hosts;

/// The thread that delivers. It stops when this goes.
pub struct Worker {
    signals: mpsc::UnboundedSender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread, or no events.
    pub fn start(parts: Parts) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (signals, heard) = mpsc::unbounded_channel();
        let context = Context {
            hosts: Mutex::new(Hosts::new(&parts.settings)),
            holder: parts.process.clone(),
            parts,
            signals: signals.clone(),
            is_stopping: AtomicBool::new(false),
        };
        let run = move || {
            runtime.block_on(run::run(Arc::new(context), heard));
            // A call to the database that hangs must not keep the process.
            runtime.shutdown_timeout(Duration::from_secs(1));
        };
        let thread = thread::Builder::new().name("delivery".to_owned()).spawn(run)?;
        Ok(Self { signals, thread: Some(thread) })
    }

    /// Stops it: nothing new is begun, what runs has so long to end, and every lease is given back.
    pub fn stop(mut self, patience: Duration) {
        self.end(patience);
    }

    fn end(&mut self, patience: Duration) {
        // It has ended already where nobody listens.
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
