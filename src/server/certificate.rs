//! The certificate of the server: until when it is good, and for which names.

use std::io;

use chrono::{DateTime, Utc};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use http_guard::{acceptor, chain};

/// What a certificate says.
pub struct Certificate {
    /// Its end (RFC 5280 §4.1.2.5).
    pub ends_at: DateTime<Utc>,
    /// Whom it is for.
    pub names: Names,
}

/// Whom a certificate is for.
pub struct Names(CertificateDer<'static>);

impl Names {
    /// Whether clients that call the server by this name, or by this address, take the certificate for it.
    pub fn fit(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host.trim_matches(['[', ']'])) else { return false };
        let parsed = ParsedCertificate::try_from(&self.0);
        parsed.is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
    }
}

/// Reads the files with which the server speaks TLS, as it does when it starts.
///
/// # Errors
///
/// When a file cannot be read, is none, or the key is not the certificate's; the sentence names the file.
pub fn read_certificate(tls: &config::Tls) -> io::Result<Certificate> {
    acceptor(&tls.certificate, &tls.key)?;
    let wrong = || io::Error::other(format!("{}: no certificate", tls.certificate.display()));
    let first = chain(&tls.certificate)?.into_iter().next().ok_or_else(wrong)?;
    let (_, read) = x509_parser::parse_x509_certificate(&first).map_err(|_unread| wrong())?;
    let ends_at = DateTime::from_timestamp(read.validity().not_after.timestamp(), 0).ok_or_else(wrong)?;
    Ok(Certificate { ends_at, names: Names(first) })
}
