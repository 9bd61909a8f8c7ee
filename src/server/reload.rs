//! SIGHUP: the files that may change while the server runs are read again. The server goes on.

use std::io;
use std::sync::Arc;

use actix_rt::signal::unix::{SignalKind, signal};

use crate::certificate::Tls;
use service::authority::Authority;

/// Listens for SIGHUP from now on, whose default action would end the process.
///
/// # Errors
///
/// When signals cannot be heard.
pub(super) fn listen(tls: Option<Tls>, authority: Option<Arc<Authority>>) -> io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    actix_rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            tracing::info!("SIGHUP: reading the certificate and the signing keys again");
            if let Some(tls) = &tls {
                tls.reload();
            }
            if let Some(Err(error)) = authority.as_ref().map(|authority| authority.reload_keys()) {
                tracing::error!(%error, "the keys cannot be read again; the present ones stay");
            }
        }
    });
    Ok(())
}
