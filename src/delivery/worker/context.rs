//! What the tasks of delivery share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::worker::hosts::Hosts;
use crate::worker::place::Place;
use base::clock::Clock;
use base::secret::Vault;
use service::authority::Authority;
use service::event::channel::carrier::Carrier;
use service::event::front::Front;
use service::event::settings::Subscriptions;
use store::{Due, Store};
use web::observe::Metrics;

/// What delivery is made of.
#[expect(missing_docs, reason = "each is described where it is defined")]
pub struct Parts {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub settings: Arc<Subscriptions>,
    pub vault: Arc<Vault>,
    pub front: Arc<dyn Front>,
    pub carrier: Arc<dyn Carrier>,
    /// Knows the apps; `None` where there are none.
    pub authority: Option<Arc<Authority>>,
    pub metrics: Metrics,
    /// The name under which this process leases, and holds sockets.
    pub process: String,
}

/// What all tasks share.
pub(super) struct Context {
    pub(super) parts: Parts,
    /// The name under which this process leases.
    pub(super) holder: String,
    pub(super) hosts: Mutex<Hosts>,
    pub(super) signals: mpsc::UnboundedSender<Signal>,
    /// Nothing more is to be begun.
    pub(super) is_stopping: AtomicBool,
}

/// What the loop is told.
pub(super) enum Signal {
    /// A task has ended.
    Ended {
        /// For which subscription.
        subscription: Uuid,
        /// Whom it called.
        place: Place,
    },
    /// Stop: let what runs go on for so long.
    Stop(Duration),
}

/// A subscription of which this process has the lease.
pub(super) struct Leased {
    pub(super) due: Due,
    /// Whom it shares its fate and its slots with.
    pub(super) place: Place,
}

impl Leased {
    pub(super) fn of(due: Due) -> Self {
        let Due { subscription, endpoint, owner, is_heartbeat } = &due;
        let place = if endpoint.is_some() {
            Place::of(endpoint.as_deref(), owner, *is_heartbeat)
        } else {
            // One whose consumer comes by itself stands alone, but for its owner.
            let alone = Place::of(None, &subscription.to_string(), *is_heartbeat);
            Place { owner: owner.clone(), ..alone }
        };
        Self { due, place }
    }
}

impl Context {
    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    pub(super) fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
