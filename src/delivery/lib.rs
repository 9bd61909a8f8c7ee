//! Delivery of events: the worker, and the channels to subscribers.

pub mod channel;
pub mod worker;
