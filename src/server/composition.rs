//! The state of a server, made of its settings: several small values, each for the handlers that need it. They stand together
//! only here, to be registered and to be given to what runs beside the server.

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
use service::policy::{AccessPolicy, Disclosure};
use store::Store;

use crate::metrics::MetricsToken;

/// What a server is made of.
pub struct ServerParts {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is let in beside those with a token of ours.
    pub policy: AccessPolicy,
    /// The authorization server; `None` where the settings have none.
    pub authority: Option<Arc<Authority>>,
    /// What a request is answered on the FHIR R4 API that names another patient than its token's.
    pub status_for_other_patient: u16,
    /// The switches of the contract.
    pub contract: Contract,
    /// What of the data of others is shown.
    pub disclosure: Disclosure,
    /// The limits on requests.
    pub limits: Limits,
    /// How subscribers are told of events.
    pub subscriptions: Subscriptions,
    /// What encrypts the secrets that must be read again.
    pub vault: Vault,
    /// The names of the tokens of the policy with which systems may tell of people.
    pub events_from: Vec<String>,
    /// What is counted.
    pub metrics: Metrics,
    /// The SHA-256 of the token of `/metrics`; `None`: it is not served.
    pub metrics_token: Option<[u8; 32]>,
    /// The SHA-256 of the key of `_status`.
    pub status_key: Option<[u8; 32]>,
    /// The URL under which clients reach this server, without a path and without a slash at its end.
    pub public_url: String,
    /// The header in which the proxy in front says for whom it asks; `None` where there is no proxy.
    pub address_header: Option<String>,
}

/// The values that handlers are given. Cheap to clone.
#[derive(Clone)]
pub struct Composition {
    /// Who is let in, to what database, at what time.
    pub gate: Gate,
    /// How often callers may ask.
    pub throttle: Throttle,
    /// The settings of the FHIR R4 API, those of subscriptions among them.
    pub fhir: FhirSettings,
    /// The sockets that consumers have opened.
    pub sockets: Sockets,
    /// What is counted.
    pub metrics: Metrics,
    pub(crate) bodies: Bodies,
    turns: BundleTurns,
    vrs: VrsSettings,
    status_key: StatusKey,
    senders: Senders,
    metrics_token: MetricsToken,
}

impl Composition {
    /// Puts the parts together. Starts the journal and the CPU pool.
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

    /// Gives each value to the handlers that ask for it.
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
