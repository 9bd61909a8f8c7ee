//! A running server with a database of its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix_server::ServerHandle;
use api_fhir as fhir;
use api_fhir::notification::FhirNotificationRenderer;
use api_vrs as vrs;
use base::clock::{Clock, StoppedClock};
use base::error::Error;
use base::secret::Vault;
use chrono::{DateTime, Utc};
use cli::SeedFile;
use config::{Config, Contract, Limits, Sources};
use domain::account::Registration;
use domain::person::NumberCheck;
use idp::{HttpOptions, KeySource, ProviderSettings, Providers};
use jose::key::KeyRing;
use oauth::{AppKeys, Federation};
use server::{Composition, Identities, ServerParts};
use service::authority::{Authority, AuthoritySettings, Lifetimes};
use service::event::channel::sockets::Sockets;
use service::event::settings::Subscriptions;
use service::policy::{AccessPolicy, DisclosurePolicy};
use service::proxy as command;
use sha2::{Digest as _, Sha256};
use simulated_idp as simulated;
use simulated_idp::{Simulated, Which};
use store::{STATEMENT_DEADLINE, Store, Tx};
use web::gate::Gate;
use web::observe::Metrics;

use super::{Backend, Request, Response, TestDatabase};

/// The people, relationships and roles of the sandbox.
pub const SANDBOX_DATA: &str = include_str!("../../../examples/sandbox-data.json");

/// The token with which apps register themselves.
pub const INITIAL_ACCESS: &str = "initial-access-token";

/// The token of `/metrics`.
pub const METRICS_TOKEN: &str = "metrics-token";

/// How a test's server differs from the sandbox.
pub struct Options {
    pub contract: Contract,
    pub disclosure: DisclosurePolicy,
    pub status_for_other_patient: u16,
    pub policy: AccessPolicy,
    /// The registered apps; without any there is no authorization server.
    pub registrations: Vec<Registration>,
    /// When it is lit, the server's clock panics.
    pub fuse: Arc<AtomicBool>,
    /// Providers beside the simulated ones.
    pub providers: Vec<ProviderSettings>,
    /// Whether the simulated providers are there.
    pub is_simulating: bool,
    pub limits: Limits,
    pub subscriptions: Subscriptions,
    /// The tokens that may send registry events.
    pub events_from: Vec<String>,
    /// The key of `_status`.
    pub status_key: &'static str,
    /// How long a request waits for a connection to the database.
    pub database_wait: Duration,
    /// How long a statement may run.
    pub statement_deadline: Duration,
    /// Whether the sandbox data are there.
    pub is_seeded: bool,
    /// The header of the reverse proxy.
    pub address_header: Option<&'static str>,
}

fn settings(sandbox: bool) -> Config {
    Sources { sandbox, ..Sources::default() }.load().expect("the compiled-in settings are right")
}

/// The switches of the contract as `serve` has them by default.
pub fn strict_contract() -> Contract {
    settings(false).contract
}

/// The switches of the contract as `sandbox` has them.
pub fn sandbox_contract() -> Contract {
    settings(true).contract
}

impl Default for Options {
    fn default() -> Self {
        let settings = settings(true);
        Self {
            contract: settings.contract,
            disclosure: settings.access.disclosure,
            status_for_other_patient: settings.access.status_for_other_patient,
            policy: AccessPolicy::Open,
            registrations: Vec::new(),
            fuse: Arc::default(),
            providers: Vec::new(),
            is_simulating: false,
            limits: settings.limits,
            subscriptions: settings.subscriptions,
            events_from: Vec::new(),
            status_key: "test-key",
            database_wait: Duration::from_secs(20),
            statement_deadline: STATEMENT_DEADLINE,
            is_seeded: true,
            address_header: None,
        }
    }
}

/// Keys that all tests share: to make an RSA key takes long.
pub fn keys() -> Arc<KeyRing> {
    static KEYS: LazyLock<Arc<KeyRing>> =
        LazyLock::new(|| Arc::new(KeyRing::generate(beginning()).expect("keys can be made")));
    Arc::clone(&KEYS)
}

/// An authorization server with these apps.
fn authority(registrations: Vec<Registration>, public_url: &str) -> Option<Arc<Authority>> {
    let settings = AuthoritySettings {
        issuer: public_url.to_owned(),
        audiences: [fhir::BASE_PATH, vrs::BASE_PATH].map(|path| format!("{public_url}{path}")).into(),
        key_folder: None,
        keys: keys(),
        registrations,
        lifetimes: Lifetimes::default(),
        initial_access: Some(Sha256::digest(INITIAL_ACCESS).into()),
    };
    (!settings.registrations.is_empty()).then(|| Arc::new(Authority::new(settings)))
}

/// These providers, and the simulated ones as the sandbox knows them.
fn providers(
    mut settings: Vec<ProviderSettings>,
    is_simulating: bool,
    public_url: &str,
    clock: &Arc<StoppedClock>,
) -> Providers {
    let simulated = Which::ALL.into_iter().filter(|_| is_simulating);
    settings.extend(simulated.map(|which| simulated::settings(public_url, which)));
    let options =
        HttpOptions { allows_loopback: true, number_check: NumberCheck::Length, ..HttpOptions::default() };
    let source: KeySource = Arc::new(keys);
    let clock: Arc<dyn Clock> = clock.clone();
    Providers::new(settings, &source, options, &clock).expect("the providers can be asked")
}

/// A clock that is asked by every request, and panics when its fuse is lit: a fault in the program, as real as
/// one can be made.
#[derive(Debug)]
struct FusedClock {
    clock: Arc<StoppedClock>,
    fuse: Arc<AtomicBool>,
}

impl Clock for FusedClock {
    fn now(&self) -> DateTime<Utc> {
        assert!(!self.fuse.load(Ordering::SeqCst), "a panic that quotes {SECRET_OF_PANIC}");
        self.clock.now()
    }
}

/// What a panic's message holds, and no answer may.
pub const SECRET_OF_PANIC: &str = "9434765919";

/// A running server; it stops when this goes.
pub struct TestApp {
    pub address: SocketAddr,
    pub gate: Gate,
    pub store: Store,
    pub clock: Arc<StoppedClock>,
    pub authority: Option<Arc<Authority>>,
    pub vault: Arc<Vault>,
    pub metrics: Metrics,
    /// The API that clients create subscriptions with.
    pub renderer: FhirNotificationRenderer,
    /// The open WebSocket connections of consumers.
    pub sockets: Sockets,
    handle: ServerHandle,
    pub database: TestDatabase,
}

/// The time at which every test begins.
pub fn beginning() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().expect("a time")
}

impl TestApp {
    /// The sandbox.
    pub async fn sandbox(backend: Backend) -> Self {
        Self::start(backend, Options::default()).await
    }

    /// A server with the defaults of `serve`, but without authentication, with the sandbox data.
    pub async fn strict(backend: Backend) -> Self {
        Self::start(backend, Options { contract: strict_contract(), ..Options::default() }).await
    }

    pub async fn start(backend: Backend, options: Options) -> Self {
        let database = TestDatabase::migrated(backend);
        let store = database.open_for(options.database_wait, Some(options.statement_deadline));
        let clock = Arc::new(StoppedClock::at(beginning()));
        if options.is_seeded {
            let seed = SeedFile::parse(SANDBOX_DATA).and_then(|file| file.read(NumberCheck::Length));
            let seed = seed.expect("the sandbox data are right");
            let seeding = clock.clone();
            let seeded: Result<_, Error> = store.write(move |tx| command::seed(tx, &*seeding, seed)).await;
            seeded.expect("the sandbox data are accepted");
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let public_url = format!("http://{address}");
        let federation = Federation {
            providers: providers(options.providers, options.is_simulating, &public_url, &clock).into(),
            app_keys: AppKeys::new(&public_url).expect("the client can be made").into(),
        };
        let composition = Composition::new(ServerParts {
            store: store.clone(),
            clock: Arc::new(FusedClock { clock: clock.clone(), fuse: options.fuse }),
            policy: options.policy,
            authority: authority(options.registrations, &format!("http://{address}")),
            status_for_other_patient: options.status_for_other_patient,
            contract: options.contract,
            disclosure: options.disclosure,
            limits: options.limits,
            subscriptions: options.subscriptions,
            vault: Vault::ephemeral().expect("a key"),
            events_from: options.events_from,
            metrics: Metrics::new().expect("counters"),
            metrics_token: Some(Sha256::digest(METRICS_TOKEN).into()),
            status_key: Some(Sha256::digest(options.status_key).into()),
            public_url: format!("http://{address}"),
            address_header: options.address_header.map(str::to_owned),
        });
        let gate = composition.gate.clone();
        let authority = gate.authority.clone();
        let (vault, metrics) = (Arc::clone(&composition.fhir.vault), composition.metrics.clone());
        let renderer = FhirNotificationRenderer::new(composition.fhir.clone());
        let sockets = composition.sockets.clone();
        let simulated = options.is_simulating.then(|| {
            Simulated::new(&format!("http://{address}"), Arc::new(keys), clock.now()).expect("it has a key")
        });
        let identities = Identities {
            federation: authority.is_some().then_some(federation),
            simulated: simulated.map(Arc::new),
        };
        let mut settings = settings(true).server;
        settings.workers = Some(1);
        settings.shutdown = Duration::from_secs(1);
        let running = server::build(composition, identities, listener, &settings).expect("the server starts");
        let handle = running.handle();
        actix_rt::spawn(running);
        Self { address, gate, store, clock, authority, vault, metrics, renderer, sockets, handle, database }
    }

    /// Stops the server as a stopping process does: running requests may end.
    pub fn stop_serving(&self) -> impl Future<Output = ()> + use<> {
        self.handle.stop(true)
    }

    /// The URL of the VRS API.
    pub fn base(&self) -> String {
        format!("http://{}{}", self.address, vrs::BASE_PATH)
    }

    /// Sends a request.
    pub async fn send(&self, request: Request) -> Response {
        request.send(self.address).await
    }

    /// `GET` below the VRS API's base, with a request id.
    pub async fn get(&self, path: &str) -> Response {
        self.send(Request::new("GET", &format!("{}{path}", vrs::BASE_PATH)).with_id()).await
    }

    /// `POST` of a FHIR resource below the VRS API's base.
    pub async fn post(&self, path: &str, body: impl ToString) -> Response {
        self.send(Request::post(&format!("{}{path}", vrs::BASE_PATH), body)).await
    }

    /// `PATCH` with a JSON Patch below the VRS API's base.
    pub async fn patch(&self, path: &str, body: impl ToString) -> Response {
        self.send(Request::patch(&format!("{}{path}", vrs::BASE_PATH), body)).await
    }

    /// Looks into the database.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.read(look).await.expect("the database answers")
    }

    /// Opens the database once more, as another process does.
    pub fn open_again(&self) -> Store {
        self.database.open()
    }

    /// Where the database is.
    pub fn database_url(&self) -> String {
        self.database.url.clone()
    }

    /// How many rows a table has.
    pub fn count_rows(&self, table: &str) -> i64 {
        let count = format!("SELECT CAST(count(*) AS TEXT) AS value FROM {table}");
        super::sql::number(&self.database.url, &count)
    }

    /// The time on the server's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}
