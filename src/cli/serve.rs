//! `onbehalf serve`: the service.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use crate::identity::{Identity, configured};
use crate::verb::database::{migrated, open_serving_store};
use crate::verb::failure::CommandFailure;
use api_fhir::notification::FhirNotificationRenderer;
use base::clock::{Clock, SystemClock};
use base::net::resolver::SystemLookup;
use base::secret::Vault;
use config::{Config, Faults, Sources};
use delivery::channel::{Brokers, Channels, RestHook};
use delivery::worker;
use delivery::worker::Worker;
use server::{Composition, ServerParts};
use service::job::{Runner, sender};
use service::policy::AccessPolicy;
use store::{ExposedFile, Store, list_exposed_files};
use web::gate::Gate;
use web::limit::Throttle;
use web::observe;
use web::observe::Metrics;

pub(super) fn serve(sources: &Sources) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    if config.access.policy.is_none() && !config.oauth.enabled {
        return Err(Faults(vec![NO_AUTHENTICATION.to_owned()]).into());
    }
    let policy = config.access.policy.clone().unwrap_or(AccessPolicy::Tokens(Vec::new()));
    survive_hang_up()?;
    observe::start_log(&config.log);
    let store = migrated(open_serving_store(&config)?)?;
    warn_of_exposed_files(&config);
    let identity = configured(&config)?;
    let listener = listen(&config)?;
    run(&config, store, policy, listener, identity)
}

/// Ignores SIGHUP until the server listens; by default it would end the process. Once the server listens,
/// SIGHUP reloads its certificate (`server::build`).
pub(super) fn survive_hang_up() -> Result<(), CommandFailure> {
    let heard = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default());
    heard.map(drop).map_err(|error| CommandFailure::Other(format!("cannot listen for SIGHUP: {error}")))
}

/// Warns about files of an SQLite database that other users can read: they contain personal data, and earlier
/// versions created them with a wider mode.
fn warn_of_exposed_files(config: &Config) {
    for ExposedFile { path, mode } in config.database.url.file().map(list_exposed_files).unwrap_or_default() {
        let (file, mode) = (path.display(), format!("{mode:o}"));
        tracing::warn!(%file, mode, "users other than its owner can access a file of the database: run `chmod go=` on it");
    }
}

const NO_AUTHENTICATION: &str = "access.policy: no caller could authenticate. Set it to \"tokens\" and list the tokens, or switch \
    oauth.enabled on; to try the service out with invented people, run `onbehalf sandbox`";

/// The URL under which clients reach a server that listens on this address.
pub(super) fn public_url(config: &Config, address: SocketAddr) -> String {
    config.server.public_url.clone().unwrap_or_else(|| format!("http://{address}"))
}

/// Binds the port.
pub(super) fn listen(config: &Config) -> Result<TcpListener, CommandFailure> {
    let address = config.server.listen;
    TcpListener::bind(address)
        .map_err(|error| CommandFailure::Other(format!("cannot listen on {address}: {error}")))
}

/// Serves until a signal to stop; then finishes running requests and closes the database.
pub(super) fn run(
    config: &Config,
    store: Store,
    policy: AccessPolicy,
    listener: TcpListener,
    identity: Identity,
) -> Result<(), CommandFailure> {
    let address = listener.local_addr().map_err(|error| CommandFailure::Other(error.to_string()))?;
    let vault =
        Vault::open(&config.secrets.key_file).map_err(|error| CommandFailure::Other(error.to_string()))?;
    let public_url = public_url(config, address);
    let authority = identity.authority.clone();
    let identities = identity.identities(&public_url)?;
    let composition = Composition::new(ServerParts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        policy,
        authority,
        status_for_other_patient: config.access.status_for_other_patient,
        contract: config.contract,
        disclosure: config.access.disclosure,
        limits: config.limits,
        subscriptions: config.subscriptions.clone(),
        vault,
        events_from: config.access.events_from.clone(),
        metrics: Metrics::new()?,
        metrics_token: config.health.metrics_token,
        status_key: config.health.status_key,
        public_url,
        address_header: config.server.address_header.clone(),
    });
    let running =
        config.jobs.enabled.then(|| runner(config, &store, composition.gate.clock.clone())).transpose()?;
    let running = running.map(Runner::start);
    let served = actix_rt::System::new().block_on(async {
        let housekeeping =
            actix_rt::spawn(housekeeping(composition.gate.clone(), composition.throttle.clone()));
        let delivery = delivery(&composition)?;
        let server = server::build(composition, identities, listener, &config.server)?;
        tracing::info!(%address, database = %store.url(), "listening");
        let ended = server.await;
        housekeeping.abort();
        delivery.stop(config.server.shutdown);
        ended
    });
    // The running job ends with its batch.
    drop(running);
    // A server that was stopped leaves nothing in its access journal; one that is killed leaves it to the next.
    if let Err(error) = store.catch_up_here() {
        tracing::warn!(cause = error.cause(), "the access journal is not indexed; the next start does it");
    }
    drop(store);
    tracing::info!("stopped");
    served.map_err(|error| CommandFailure::Other(format!("the server failed: {error}")))
}

/// The runner of the configured jobs.
pub(super) fn runner(
    config: &Config,
    store: &Store,
    clock: Arc<dyn Clock>,
) -> Result<Runner, CommandFailure> {
    let sender = sender::configured(config.smtp.as_ref()).map_err(CommandFailure::Other)?;
    Ok(Runner::new(store.clone(), clock, config.jobs.clone(), sender))
}

/// Starts the delivery of events.
pub(super) fn delivery(composition: &Composition) -> io::Result<Worker> {
    let Composition { gate, fhir, sockets, metrics, .. } = composition;
    let rest_hook =
        RestHook::new(Arc::clone(&fhir.subscriptions), Arc::clone(&gate.clock), Arc::new(SystemLookup));
    let rest_hook = rest_hook.map_err(|error| io::Error::other(error.cause()))?;
    Worker::start(worker::WorkerParts {
        store: gate.store.clone(),
        clock: Arc::clone(&gate.clock),
        settings: Arc::clone(&fhir.subscriptions),
        vault: Arc::clone(&fhir.vault),
        renderer: Arc::new(FhirNotificationRenderer::new(fhir.clone())),
        sender: Arc::new(Channels {
            rest_hook,
            brokers: Brokers::new(fhir.subscriptions.allowed_brokers.clone()),
            sockets: sockets.clone(),
        }),
        authority: gate.authority.clone(),
        metrics: metrics.clone(),
        process: sockets.process().to_owned(),
    })
}

async fn housekeeping(gate: Gate, throttle: Throttle) {
    let mut every = tokio::time::interval(Duration::from_secs(300));
    loop {
        every.tick().await;
        throttle.forget_quiet_callers();
        // Notices a rotation by another process, or by the operator.
        if let Some(Err(error)) = gate.authority.as_ref().map(|authority| authority.reload_keys()) {
            tracing::error!(%error, "reloading the signing keys failed; the present ones stay in use");
        }
    }
}
