//! The certificate of the server: until when it is good, and for which names.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use http_guard::{TlsAcceptor, acceptor, chain};

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

/// TLS as the server speaks it now: the files of the settings as they were read last. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    files: config::Tls,
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// As [`read_certificate`].
    pub(crate) fn read(files: &config::Tls) -> io::Result<Self> {
        let acceptor = acceptor(&files.certificate, &files.key)?;
        Ok(Self { files: files.clone(), acceptor: Arc::new(RwLock::new(acceptor)) })
    }

    /// For the next connection. Those that are open keep what they were greeted with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again. When they are not good, the present ones stay.
    pub(crate) fn reload(&self) {
        let read = acceptor(&self.files.certificate, &self.files.key);
        match (read, read_certificate(&self.files)) {
            (Ok(fresh), Ok(certificate)) => {
                *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                tracing::info!(ends = %certificate.ends_at, "the certificate was read again");
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "the certificate cannot be read again; the present one stays");
            }
        }
    }
}
