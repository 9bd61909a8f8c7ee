//! Events: numbering, delivery, failures.

mod beginning;
mod brokers;
mod calls;
mod chaos;
mod deliver;
mod failures;
mod handshake;
mod recovery;
mod shared;
mod slots;
pub mod stage;
mod web_socket;
