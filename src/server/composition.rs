//! The state of a server, made from its settings: several small values, each for the handlers that need it.
//! They are together only here, to be registered with the HTTP server and passed to the background tasks.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};

use ::web::body::Bodies;
use ::web::gate::Gate;
use ::web::limit::Throttle;
use ::web::observe::Metrics;
use api_fhir::{BundleTurns, FhirSettings};
use api_registry::Senders;
use api_vrs::{StatusKey, VrsSettings};
use base::clock::Clock;
use base::ids;
use base::secret::Vault;
use config::{Contract, Limits};
use service::authority::Authority;
use service::event::channel::sockets::Sockets;
use service::event::settings::Subscriptions;
use service::policy::{AccessPolicy, DisclosurePolicy};
use store::Store;

use crate::metrics::MetricsToken;

/// The parts of a server.
pub struct ServerParts {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Callers that authenticate without a token of the authorization server.
    pub policy: AccessPolicy,
    /// The authorization server; `None` where the settings have none.
    pub authority: Option<Arc<Authority>>,
    /// The FHIR R4 API's status for a request about another patient than the token's.
    pub status_for_other_patient: u16,
    /// The switches of the contract.
    pub contract: Contract,
    /// Which of other people's data are disclosed.
    pub disclosure: DisclosurePolicy,
    /// The limits on requests.
    pub limits: Limits,
    /// The settings of event delivery.
    pub subscriptions: Subscriptions,
    /// Encrypts the secrets that must be read again.
    pub vault: Vault,
    /// The names of the policy's tokens with which systems may send events about people.
    pub events_from: Vec<String>,
    /// The metrics.
    pub metrics: Metrics,
    /// The SHA-256 of the token of `/metrics`; `None`: the route does not exist.
    pub metrics_token: Option<[u8; 32]>,
    /// The SHA-256 of the key of `_status`.
    pub status_key: Option<[u8; 32]>,
    /// The URL under which clients reach this server, without a path and without a slash at its end.
    pub public_url: String,
    /// The header in which a reverse proxy sends the client's address; `None` without a reverse proxy.
    pub address_header: Option<String>,
}

/// The values that handlers get. Cheap to clone.
#[derive(Clone)]
pub struct Composition {
    /// The database, the clock, and the authentication of callers.
    pub gate: Gate,
    /// The rate limits of callers.
    pub throttle: Throttle,
    /// The settings of the FHIR R4 API, including those of subscriptions.
    pub fhir: FhirSettings,
    /// The web sockets of subscribers.
    pub sockets: Sockets,
    /// The metrics.
    pub metrics: Metrics,
    pub(crate) bodies: Bodies,
    turns: BundleTurns,
    vrs: VrsSettings,
    status_key: StatusKey,
    senders: Senders,
    metrics_token: MetricsToken,
}

impl Composition {
    /// Composes the parts. Starts the journal and the CPU pool.
    pub fn new(parts: ServerParts) -> Self {
        let ServerParts { store, clock, policy, authority, contract, disclosure, limits, .. } = parts;
        let process = ids::new_uuid(clock.now()).to_string();
        let gate = Gate::new(store, Arc::clone(&clock), policy, authority, &parts.public_url);
        Self {
            throttle: Throttle::new(&limits, parts.address_header.as_deref()),
            fhir: FhirSettings {
                clock,
                status_for_other_patient: parts.status_for_other_patient,
                contract,
                disclosure,
                subscriptions: Arc::new(parts.subscriptions),
                vault: Arc::new(parts.vault),
                public_url: Arc::clone(&gate.public_url),
            },
            gate,
            sockets: Sockets::new(&process),
            metrics: parts.metrics,
            bodies: Bodies::new(limits),
            turns: BundleTurns::new(limits.request),
            vrs: VrsSettings { contract, disclosure },
            status_key: StatusKey(parts.status_key),
            senders: Senders { names: parts.events_from.into(), number_check: contract.nhs_number_check },
            metrics_token: MetricsToken(parts.metrics_token),
        }
    }

    /// Registers each value for the handlers that ask for it.
    pub(crate) fn register(self, config: &mut ServiceConfig) {
        config
            .app_data(Data::new(self.gate))
            .app_data(Data::new(self.throttle))
            .app_data(Data::new(self.bodies))
            .app_data(Data::new(self.turns))
            .app_data(Data::new(self.fhir))
            .app_data(Data::new(self.sockets))
            .app_data(Data::new(self.vrs))
            .app_data(Data::new(self.status_key))
            .app_data(Data::new(self.senders))
            .app_data(Data::new(self.metrics_token));
    }
}
