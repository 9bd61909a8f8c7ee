//! The use cases of accounts, one per file.

mod act;
mod approve;
mod link_identity;
mod log_in;

pub use act::{Patient, list_patients};
pub use approve::{ApproveError, Approved, approve};
pub use link_identity::{LinkError, link_identity};
pub use log_in::{LogInError, LoggedIn, log_in};

use crate::error::Error;
use crate::ids;

/// A secret of 256 bits and more, as text that every URL and cookie carries.
///
/// # Errors
///
/// When the operating system gives no randomness.
pub fn new_secret() -> Result<String, Error> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    ids::random_text::<43>(ALPHABET).map_err(Error::fault)
}
