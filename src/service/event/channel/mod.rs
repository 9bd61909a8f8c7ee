//! Delivery channels as the use cases see them: a message and its result, the brokers' URLs, the open
//! WebSocket connections.

pub mod broker_url;
pub mod sender;
pub mod sockets;
