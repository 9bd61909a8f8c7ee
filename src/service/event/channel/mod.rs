//! What delivers events, seen from the use cases: a message and what came of it, the brokers' URLs, the open web sockets.

pub mod broker_url;
pub mod carrier;
pub mod sockets;
