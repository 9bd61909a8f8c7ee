//! The errors of a relay.

use std::io;

use crate::target::BadUrl;

/// Why a relay cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The URL asks for an option that is not supported.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// The file that this parameter of the URL names cannot be read, or holds no PEM item of the expected
    /// kind.
    #[error("the file of {0} cannot be read, or is not a PEM file of that kind")]
    File(&'static str),
    /// The host is neither a DNS name nor an address.
    #[error("the host of the database is not a name that a certificate can have")]
    Host,
    /// TLS cannot be set up.
    #[error("TLS to the database cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
    /// The socket, or its thread, cannot be created.
    #[error("the socket of the relay to the database cannot be created: {0}")]
    Socket(#[source] io::Error),
}
