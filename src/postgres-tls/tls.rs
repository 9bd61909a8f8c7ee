//! The TLS settings of the relay.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::error::RelayError;
use crate::target::Target;

/// The client's TLS configuration: trusted authorities, client certificate, TLS 1.2 and 1.3.
pub(crate) fn config(target: &Target) -> Result<ClientConfig, RelayError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(RelayError::Tls)?;
    let builder = match &target.authorities {
        Some(file) => builder.with_root_certificates(authorities(file)?),
        None => builder.with_platform_verifier().map_err(RelayError::Tls)?,
    };
    match &target.client {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).or(Err(RelayError::File("sslkey")))?;
            builder.with_client_auth_cert(certificates(certificate, "sslcert")?, key).map_err(RelayError::Tls)
        }
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, RelayError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, "sslrootcert")? {
        roots.add(certificate).map_err(RelayError::Tls)?;
    }
    Ok(roots)
}

/// The certificates of a PEM file, at least one. `name` is the URL parameter that names the file.
fn certificates(file: &Path, name: &'static str) -> Result<Vec<CertificateDer<'static>>, RelayError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.ok().filter(|all| !all.is_empty()).ok_or(RelayError::File(name))
}
