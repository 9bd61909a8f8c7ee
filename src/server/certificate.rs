//! The certificate of the server: its end and its names.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use http_guard::{TlsAcceptor, acceptor, chain};

/// The facts of a certificate.
pub struct Certificate {
    /// The end of its validity (RFC 5280 §4.1.2.5).
    pub ends_at: DateTime<Utc>,
    /// The names that it is valid for.
    pub names: CertificateNames,
}

/// The names of a certificate.
pub struct CertificateNames(CertificateDer<'static>);

impl CertificateNames {
    /// Whether the certificate is valid for this host name or address.
    pub fn fit(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host.trim_matches(['[', ']'])) else { return false };
        let parsed = ParsedCertificate::try_from(&self.0);
        parsed.is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
    }
}

/// Reads the certificate and the key as the server does when it starts.
///
/// # Errors
///
/// A file cannot be read, holds no certificate or key, or the key does not belong to the certificate; the
/// message names the file.
pub fn read_certificate(tls: &config::TlsFiles) -> io::Result<Certificate> {
    acceptor(&tls.certificate, &tls.key)?;
    let wrong = || io::Error::other(format!("{}: no certificate", tls.certificate.display()));
    let first = chain(&tls.certificate)?.into_iter().next().ok_or_else(wrong)?;
    let (_, read) = x509_parser::parse_x509_certificate(&first).map_err(|_unread| wrong())?;
    let ends_at = DateTime::from_timestamp(read.validity().not_after.timestamp(), 0).ok_or_else(wrong)?;
    Ok(Certificate { ends_at, names: CertificateNames(first) })
}

/// The current TLS configuration: the files of the settings as last read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    files: config::TlsFiles,
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

impl Tls {
    /// Reads the files; errors as [`read_certificate`].
    pub(crate) fn read(files: &config::TlsFiles) -> io::Result<Self> {
        let acceptor = acceptor(&files.certificate, &files.key)?;
        Ok(Self { files: files.clone(), acceptor: Arc::new(RwLock::new(acceptor)) })
    }

    /// The acceptor for the next connection. Open connections keep theirs.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again. When one is not valid, the present configuration stays.
    pub(crate) fn reload(&self) {
        let read = acceptor(&self.files.certificate, &self.files.key);
        match (read, read_certificate(&self.files)) {
            (Ok(fresh), Ok(certificate)) => {
                *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                tracing::info!(ends = %certificate.ends_at, "certificate reloaded");
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "reloading the certificate failed; the present one stays in use");
            }
        }
    }
}
