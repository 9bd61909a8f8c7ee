//! Who is calling and what they may do.

pub mod access;
pub mod caller;
pub mod policy;

pub use access::{Action, Refusal};
pub use caller::{Caller, Who};
pub use policy::{AccessPolicy, Token};
