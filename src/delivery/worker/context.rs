//! The shared state of the delivery tasks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::worker::hosts::Hosts;
use crate::worker::target::DeliveryTarget;
use base::clock::Clock;
use base::secret::Vault;
use service::authority::Authority;
use service::event::channel::sender::ChannelSender;
use service::event::renderer::NotificationRenderer;
use service::event::settings::Subscriptions;
use store::{Due, Store};
use web::observe::Metrics;

/// The parts of delivery.
#[expect(missing_docs, reason = "each is described where it is defined")]
pub struct WorkerParts {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub settings: Arc<Subscriptions>,
    pub vault: Arc<Vault>,
    pub renderer: Arc<dyn NotificationRenderer>,
    pub sender: Arc<dyn ChannelSender>,
    /// The registered apps; `None` without an authorization server.
    pub authority: Option<Arc<Authority>>,
    pub metrics: Metrics,
    /// The name under which this process holds leases and web sockets.
    pub process: String,
}

/// The state that all tasks share.
pub(super) struct WorkerContext {
    pub(super) parts: WorkerParts,
    /// The name under which this process holds leases.
    pub(super) holder: String,
    pub(super) hosts: Mutex<Hosts>,
    pub(super) signals: mpsc::UnboundedSender<Signal>,
    /// Whether no new work may begin.
    pub(super) is_stopping: AtomicBool,
}

/// A message to the loop.
pub(super) enum Signal {
    /// A task has ended.
    Ended {
        /// The subscription that it served.
        subscription: Uuid,
        /// The place that it sent to.
        target: DeliveryTarget,
    },
    /// Stop, after running tasks have had so long to finish.
    Stop(Duration),
}

/// A subscription whose lease this process holds.
pub(super) struct Leased {
    pub(super) due: Due,
    /// The place whose slots and failures it shares.
    pub(super) target: DeliveryTarget,
}

impl Leased {
    pub(super) fn of(due: Due) -> Self {
        let Due { subscription, endpoint, owner, is_heartbeat } = &due;
        let target = if endpoint.is_some() {
            DeliveryTarget::of(endpoint.as_deref(), owner, *is_heartbeat)
        } else {
            // A subscription without an endpoint (web socket) shares a place only with its owner.
            let alone = DeliveryTarget::of(None, &subscription.to_string(), *is_heartbeat);
            DeliveryTarget { owner: owner.clone(), ..alone }
        };
        Self { due, target }
    }
}

impl WorkerContext {
    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    pub(super) fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
