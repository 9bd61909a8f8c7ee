//! The one place that composes routes and middleware. `main` and the tests share it.

mod certificate;
mod chunked_response;
mod composition;
mod drain;
mod files;
mod health;
mod metrics;
mod nowhere;
mod reload;
mod site;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::Server;
use actix_service::{ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::App as WebApp;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use tokio::net::TcpStream;

use oauth::Federation;
use simulated_idp::{self as simulated, Simulated};

use ::web::observe::log_requests;
use api_fhir as fhir;
use api_vrs as vrs;

pub use certificate::{Certificate, CertificateNames, read_certificate};
pub use composition::{Composition, ServerParts};
use drain::Drain;
pub use site::TourApp;

use certificate::Tls;
use http_guard::{GuardedConnection, Socket};

/// The identity providers, where their routes are served.
#[derive(Clone, Default)]
pub struct Identities {
    /// The authorization server's upstream providers; `None` without an authorization server.
    pub federation: Option<Federation>,
    /// The simulated providers of the sandbox; `None` everywhere else.
    pub simulated: Option<Arc<Simulated>>,
}

/// A server on `listener`, ready to be awaited. It stops on SIGTERM and SIGINT, or through its handle: it
/// accepts no new connection and finishes running requests. With a drain time, `/ready` first answers 503 for
/// that long while requests are served.
///
/// # Errors
///
/// The listener cannot be used, or the handlers of signals cannot be installed.
pub fn build(
    composition: Composition,
    identities: Identities,
    listener: TcpListener,
    settings: &config::Server,
) -> io::Result<Server> {
    let mut builder = Server::build().shutdown_timeout(settings.shutdown.as_secs());
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = settings.workers.unwrap_or_else(cores);
    let connections = files::open_enough(settings.connections);
    // Further connections wait in the system's queue until one closes.
    builder = builder.workers(workers).max_concurrent_connections(connections.div_ceil(workers));
    let drain = Drain::default();
    if !settings.drain.is_zero() {
        builder = builder.shutdown_signal(drain.clone().listen(settings.drain)?);
    }
    let shutdown = builder.graceful_shutdown_signal();
    let (stopping, sockets) = (shutdown.clone(), composition.sockets.clone());
    actix_web::rt::spawn(async move {
        stopping.notified().await;
        sockets.stop();
    });
    let wait = composition.bodies.limits.request;
    let tls = settings.tls.as_ref().map(Tls::read).transpose()?;
    reload::listen(tls.clone(), composition.gate.authority.clone())?;
    let http = move || {
        let shutdown = shutdown.clone();
        // actix-web's own HttpServer accepts no other stream type, so its few lines are repeated here.
        let connection = HttpService::build()
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
            })
            .keep_alive(Duration::from_secs(75))
            // `http-guard` sets the deadline of each head.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .h1(map_config(routes(composition.clone(), identities.clone(), drain.clone()), |()| {
                AppConfig::default()
            }));
        let tls = tls.clone();
        fn_service(move |io: TcpStream| {
            let tls = tls.as_ref().map(Tls::acceptor);
            async move {
                let peer = io.peer_addr().ok();
                let greeted = tokio::time::timeout(wait, Socket::accept(io, tls.as_ref())).await;
                let late = |_late| io::Error::from(io::ErrorKind::TimedOut);
                let io = greeted.map_err(late).flatten().map_err(DispatchError::Io)?;
                Ok((GuardedConnection::new(io, wait, vrs::outcome_of_bad_http), peer))
            }
        })
        .and_then(connection)
    };
    Ok(builder.listen("onbehalf", listener, http)?.run())
}

/// How many connections fit the limit of open files, once it is raised as far as the system allows.
pub fn possible_connections() -> u64 {
    files::possible(files::most())
}

/// All routes, with their middleware.
fn routes(
    composition: Composition,
    identities: Identities,
    drain: Drain,
) -> WebApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let Identities { federation, simulated } = identities;
    let site = site::Site { is_sandbox: simulated.is_some(), issues_tokens: federation.is_some() };
    let parts = composition.clone();
    WebApp::new()
        .app_data(Data::new(composition.metrics.clone()))
        .app_data(Data::new(drain))
        .wrap(from_fn(drain::close_connections))
        .wrap(from_fn(log_requests))
        .wrap(from_fn(chunked_response::chunk_response))
        .configure(|config| composition.register(config))
        // Before the FHIR R4 API, whose base path holds SMART's configuration.
        .configure(|config| {
            if let Some(federation) = federation {
                oauth::configure(config, federation);
            }
        })
        .configure(api_registry::configure)
        .configure(vrs::configure)
        .configure(fhir::configure)
        .configure(health::configure)
        .configure(metrics::configure)
        .configure(|config| {
            if let Some(simulated) = simulated {
                simulated::configure(config, Data::from(simulated));
            }
        })
        .configure(|config| site::configure(config, &parts, site))
        .default_service(web::to(nowhere::nothing_here))
}
