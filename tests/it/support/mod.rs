//! Support of the tests: a fresh database each, a running server, a client that sees every byte, the program
//! as a process.

mod app;
mod backend;
pub mod bodies;
mod connection;
mod http;
pub mod mail;
pub mod poll;
mod process;
pub mod provider;
mod receiver;
mod recording;
pub mod seed;
pub mod sql;
pub mod token;

pub use app::{
    INITIAL_ACCESS, METRICS_TOKEN, Options, SANDBOX_DATA, SECRET_OF_PANIC, TestApp, beginning, keys,
    sandbox_contract, strict_contract,
};
pub use backend::{Backend, TestDatabase, on_server};
pub use connection::Connection;
pub use http::{REQUEST_ID, Request, Response, send_bytes};
pub use process::{Ended, Folder, ServerProcess};
pub use receiver::{ReceivedRequest, Receiver, ReceiverResponse};
pub use recording::{record, record_notification};
