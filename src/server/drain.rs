//! Leaving a load balancer without a failed request: for a time `/ready` answers 503 while every request is
//! still served. The load balancer sends new requests elsewhere, and then the server stops.

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
    /// Whether the server drains.
    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A future that completes when the server is to stop: `lasts` after SIGTERM, at once at SIGINT or a
    /// second signal.
    ///
    /// # Errors
    ///
    /// The handlers of signals cannot be installed.
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
            tracing::info!(seconds = lasts.as_secs(), "draining: /ready answers 503 until the server stops");
            let (gentle, firm) = (pin!(terminate.recv()), pin!(interrupt.recv()));
            let _asked_again = tokio::time::timeout(lasts, select(gentle, firm)).await;
        })
    }
}

/// While the server drains, each response closes its connection. So does the response to a request for
/// another protocol that is not granted (Java's client asks for HTTP/2 with each request): the library closes
/// the connection behind it, and without `Connection: close` a client would send its next request into the
/// closing connection.
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
