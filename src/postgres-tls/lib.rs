//! TLS to PostgreSQL for a libpq that was built without it.
//!
//! libpq speaks TLS through OpenSSL only, which would have to be built, or be installed, on every machine
//! that builds the service. So libpq is built without TLS and connects to a socket of this process
//! ([`Relay`]), in a folder that only its user can enter. The relay connects to the server, asks for TLS as
//! libpq would (`SSLRequest`,
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>), verifies the server's
//! certificate with rustls, and passes bytes on in both directions. It reads only the start of a connection;
//! authentication stays between libpq and the server (SCRAM without channel binding).
//!
//! `sslmode=require`, `verify-ca` and `verify-full` all verify the certificate and its name, which is
//! stricter than libpq for the first two: there is no mode that encrypts and does not verify. A server that
//! offers no TLS is refused.

mod error;
mod relay;
mod startup;
mod target;
mod tls;

pub use error::RelayError;
pub use relay::Relay;
pub use target::BadUrl;
