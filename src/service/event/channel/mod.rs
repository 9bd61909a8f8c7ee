//! Delivery channels as the use cases see them: a message and its result, the brokers' URLs, the open
//! WebSockets.

pub mod broker_url;
pub mod carrier;
pub mod sockets;
