//! The channel `websocket`: consumers' connections to this process, bound to subscriptions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::event::channel::sender::{OutboundMessage, SendResult};
use domain::event::DeliveryFailure;

/// A text to send over a WebSocket.
#[derive(Debug)]
pub struct Frame {
    /// The text.
    pub text: String,
    /// Signals that the text was written. Dropped without a signal: it was not.
    pub written: oneshot::Sender<()>,
}

/// The WebSocket connections of this process, by the subscriptions that they are bound to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sockets {
    process: Arc<str>,
    bound: Arc<Mutex<HashMap<Uuid, Bound>>>,
    is_stopping: watch::Sender<bool>,
}

#[derive(Debug)]
struct Bound {
    socket: Uuid,
    frames: mpsc::Sender<Frame>,
}

impl Sockets {
    /// No WebSocket connections yet. The name of each process is unique.
    pub fn new(process: &str) -> Self {
        Self { process: process.into(), bound: Arc::default(), is_stopping: watch::Sender::new(false) }
    }

    /// The name of the process.
    pub fn process(&self) -> &str {
        &self.process
    }

    /// Asks every WebSocket to close, also those that are opened later.
    pub fn stop(&self) {
        self.is_stopping.send_replace(true);
    }

    /// Ends when the WebSocket connections are to close.
    pub async fn wait_for_stop(&self) {
        let mut message = self.is_stopping.subscribe();
        // It cannot fail: we have the sender.
        drop(message.wait_for(|is_stopping| *is_stopping).await);
    }

    fn bound(&self) -> MutexGuard<'_, HashMap<Uuid, Bound>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Binds a subscription to a WebSocket. A WebSocket that was bound to it before loses it, and sees the
    /// end of its frames.
    pub fn bind(&self, subscription: Uuid, socket: Uuid, frames: mpsc::Sender<Frame>) {
        self.bound().insert(subscription, Bound { socket, frames });
    }

    /// The subscriptions that are still bound to a WebSocket.
    pub fn list_of(&self, socket: Uuid) -> Vec<Uuid> {
        self.bound().iter().filter(|(_, bound)| bound.socket == socket).map(|(id, _)| *id).collect()
    }

    /// Unbinds a WebSocket's remaining subscriptions, and returns them.
    pub fn unbind(&self, socket: Uuid) -> Vec<Uuid> {
        let own = self.list_of(socket);
        let mut bound = self.bound();
        for id in &own {
            bound.remove(id);
        }
        own
    }

    /// Sends a message to the WebSocket of its subscription. R4's own style has no body: then it is `ping`
    /// and the id.
    pub async fn send(&self, outbound: &OutboundMessage) -> SendResult {
        let frames = self.bound().get(&outbound.subscription).map(|bound| bound.frames.clone());
        let outcome = match frames {
            Some(frames) => {
                let timeout = outbound.timeout.to_std().unwrap_or(Duration::ZERO);
                tokio::time::timeout(timeout, write(&frames, outbound)).await.unwrap_or(Err("timeout"))
            }
            None => Err(NOT_CONNECTED),
        };
        SendResult { outcome: outcome.map_err(DeliveryFailure::transient), status: None, answer: None }
    }
}

/// The failure code for a consumer that is not connected.
pub const NOT_CONNECTED: &str = "not-connected";

async fn write(frames: &mpsc::Sender<Frame>, outbound: &OutboundMessage) -> Result<(), &'static str> {
    let text = if outbound.message.body.is_empty() {
        format!("ping {}", outbound.subscription)
    } else {
        String::from_utf8_lossy(&outbound.message.body).into_owned()
    };
    let (written, done) = oneshot::channel();
    frames.send(Frame { text, written }).await.or(Err(NOT_CONNECTED))?;
    done.await.or(Err(NOT_CONNECTED))
}
