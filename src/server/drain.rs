//! Leaving a load balancer without a failed request: for a while `/ready` says that this server is not ready, and
//! every request is served. Whoever watches `/ready` sends the next ones elsewhere, and only then does it stop.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_rt::signal::unix::{SignalKind, signal};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web::Data;
use futures_util::future::{Either, select};

/// Whether this server is about to stop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Drain(Arc<AtomicBool>);

impl Drain {
    /// Whether it is.
    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What ends when the server is to stop: `lasts` after SIGTERM, at once at SIGINT or at a second signal.
    ///
    /// # Errors
    ///
    /// When signals cannot be heard.
    pub(super) fn listen(self, lasts: Duration) -> io::Result<impl Future<Output = ()> + Send + 'static> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            let is_gentle = {
                let (gentle, firm) = (pin!(terminate.recv()), pin!(interrupt.recv()));
                matches!(select(gentle, firm).await, Either::Left(_))
            };
            if !is_gentle {
                return;
            }
            self.0.store(true, Ordering::Relaxed);
            tracing::info!(seconds = lasts.as_secs(), "not ready any more; stopping soon");
            let (gentle, firm) = (pin!(terminate.recv()), pin!(interrupt.recv()));
            let _asked_again = tokio::time::timeout(lasts, select(gentle, firm)).await;
        })
    }
}

/// While it drains, each answer is the last one of its connection. So is the answer to a request for another protocol
/// that is not granted (Java's client asks for HTTP/2 with each request): the library closes behind it, and without
/// being told a client sends the next request into the closing connection.
pub(super) async fn close_connections<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let is_leaving = request.app_data::<Data<Drain>>().is_some_and(|drain| drain.is_on());
    let is_last = is_leaving || request.head().upgrade();
    let mut response = next.call(request).await?;
    if is_last && response.status() != actix_web::http::StatusCode::SWITCHING_PROTOCOLS {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
