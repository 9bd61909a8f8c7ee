//! The settings and the context of every interaction of this API.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::refusal::Refusal;
use base::clock::Clock;
use base::secret::Vault;
use config::Contract;
use domain::account::Caller;
use domain::person::NhsNumber;
use service::event::settings::Subscriptions;
use service::policy::DisclosurePolicy;
use service::policy::scope_of;
use store::Budget;
use store::search::Visibility;

/// The path of this API.
pub const BASE_PATH: &str = domain::account::endpoints::FHIR_BASE;

/// The settings of a context. Cheap to clone.
#[derive(Clone)]
pub struct FhirSettings {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The status of the response to a request about another patient than its token's (RS-05).
    pub status_for_other_patient: u16,
    /// The switches of the domain.
    pub contract: Contract,
    /// Which of other people's data are disclosed.
    pub disclosure: DisclosurePolicy,
    /// The settings of subscriptions.
    pub subscriptions: Arc<Subscriptions>,
    /// Encrypts and decrypts the secrets of subscriptions.
    pub vault: Arc<Vault>,
    /// The URL under which clients reach this server, without a path and without a slash at its end.
    pub public_url: Arc<str>,
}

impl FhirSettings {
    /// The URL of this API, without a slash at its end.
    pub(crate) fn base(&self) -> String {
        format!("{}{BASE_PATH}", self.public_url)
    }
}

/// The context of one request: its caller, and the settings.
#[derive(Clone)]
pub(crate) struct Context {
    /// The caller.
    pub(crate) caller: Caller,
    /// The clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The status of the response to a request about another patient than its token's (RS-05).
    pub(crate) status_for_other_patient: u16,
    /// The switches of the domain.
    pub(crate) contract: Contract,
    /// Which of other people's data are disclosed.
    pub(crate) disclosure: DisclosurePolicy,
    /// The URL of this API, without a slash at its end.
    pub(crate) base: String,
    /// `Prefer: handling=strict`: unknown search parameters are refused (G-10).
    pub(crate) is_strict: bool,
    /// The settings of subscriptions; `None` where subscribing is not possible.
    pub(crate) subscribing: Option<Subscribing>,
    /// How many more statements the request may send.
    pub(crate) budget: Budget,
    /// Whether the request runs while the writer is held: then the document that a client wrote is loaded as
    /// text ([`StoredResource::document`](crate::resource::stored_resource::StoredResource)), and parsed after the transaction.
    pub(crate) holds_writer: bool,
}

/// The settings and the secrets of subscriptions.
#[derive(Clone)]
pub(crate) struct Subscribing {
    /// The settings.
    pub(crate) settings: Arc<Subscriptions>,
    /// Encrypts and decrypts secrets.
    pub(crate) vault: Arc<Vault>,
}

impl Context {
    /// The context of a request of this caller.
    pub(crate) fn of(settings: &FhirSettings, caller: Caller, is_strict: bool) -> Self {
        let subscribing =
            Subscribing { settings: Arc::clone(&settings.subscriptions), vault: Arc::clone(&settings.vault) };
        Self {
            caller,
            clock: settings.clock.clone(),
            status_for_other_patient: settings.status_for_other_patient,
            contract: settings.contract,
            disclosure: settings.disclosure,
            base: settings.base(),
            is_strict,
            subscribing: settings.subscriptions.enabled.then_some(subscribing),
            budget: Budget::of_entries(0),
            holds_writer: false,
        }
    }

    /// The same for a Bundle of so many entries, which share its budget.
    pub(crate) fn for_entries(&self, count: usize) -> Self {
        Self { budget: Budget::of_entries(count), ..self.clone() }
    }

    /// The same for a transaction that writes.
    pub(crate) fn for_writer(&self) -> Self {
        Self { holds_writer: true, ..self.clone() }
    }

    /// The URL for web sockets.
    pub(crate) fn websocket(&self) -> String {
        websocket_of(&self.base)
    }

    /// The settings of subscriptions, or a refusal.
    pub(crate) fn subscribing(&self) -> Result<&Subscribing, Refusal> {
        self.subscribing.as_ref().ok_or_else(Refusal::not_found)
    }

    /// The people whose data this caller may see now.
    pub(crate) fn scope(&self) -> Visibility {
        scope_of(&self.caller.principal, self.disclosure.staff_reach, self.now())
    }

    /// The citizen for whom reasons and actors are masked; `None` where they are not.
    pub(crate) fn masked_for(&self) -> Option<NhsNumber> {
        self.disclosure.masked_for(&self.caller.principal)
    }

    /// The current time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A URL as `Type/id`, if it is one of this API's, or relative.
    pub(crate) fn relative<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(self.base.as_str()).map_or(url, |rest| rest.trim_start_matches('/'))
    }
}

/// The URL for web sockets of the API at this URL.
pub(crate) fn websocket_of(base: &str) -> String {
    // http becomes ws, and https wss.
    format!("{}/$subscription-ws", base.replacen("http", "ws", 1))
}
