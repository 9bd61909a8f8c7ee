//! SIGHUP: reads the certificate and the signing keys again while the server runs.

use std::io;
use std::sync::Arc;

use actix_rt::signal::unix::{SignalKind, signal};

use crate::certificate::Tls;
use service::authority::Authority;

/// Handles SIGHUP from now on; by default it would end the process.
///
/// # Errors
///
/// The handler of the signal cannot be installed.
pub(super) fn listen(tls: Option<Tls>, authority: Option<Arc<Authority>>) -> io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    actix_rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            tracing::info!("SIGHUP: reading the certificate and the signing keys again");
            if let Some(tls) = &tls {
                tls.reload();
            }
            if let Some(Err(error)) = authority.as_ref().map(|authority| authority.reload_keys()) {
                tracing::error!(%error, "reloading the signing keys failed; the present ones stay in use");
            }
        }
    });
    Ok(())
}
