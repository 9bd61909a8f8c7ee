//! What is checked before an operation: who calls, and how.

mod access_modes;
mod content_types;
mod cors;
mod echo;
mod headers;
mod health;
mod order;
mod routes;
mod tokens;
