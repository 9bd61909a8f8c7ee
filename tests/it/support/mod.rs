//! What the tests stand on: a fresh database each, a running server, a client that sees every byte.

mod app;
mod backend;
pub mod bodies;
mod http;

pub use app::{Options, TestApp, sandbox_contract, strict_contract};
pub use backend::{Backend, TestDatabase};
pub use http::{Request, Response, send_bytes};
