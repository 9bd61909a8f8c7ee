//! Delivery of events: the worker, and the channels by which subscribers are told.

pub mod channel;
pub mod worker;
