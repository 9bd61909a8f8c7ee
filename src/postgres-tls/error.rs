//! What can be wrong with a relay.

use std::io;

use crate::target::BadUrl;

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The URL asks for something that is not supported.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// The file that this parameter of the URL names cannot be read, or has nothing of what it should hold.
    #[error("the file of {0} cannot be read, or is no PEM file of that kind")]
    File(&'static str),
    /// The host is neither a name nor an address.
    #[error("the host of the database is no name that a certificate can have")]
    Host,
    /// TLS cannot be set up.
    #[error("TLS to the database cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
    /// The socket, or its thread, cannot be made.
    #[error("the socket of the relay to the database cannot be made: {0}")]
    Socket(#[source] io::Error),
}
