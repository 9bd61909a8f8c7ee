//! What every interaction of this front is given.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::refusal::Refusal;
use base::clock::Clock;
use base::secret::Vault;
use config::Contract;
use domain::account::Caller;
use domain::person::NhsNumber;
use service::event::settings::Subscriptions;
use service::policy::Disclosure;
use service::policy::scope_of;
use store::Budget;
use store::search::Scope;

/// The path of this front.
pub const BASE_PATH: &str = domain::account::endpoints::FHIR_BASE;

/// What a context is made of, beside its caller. Cheap to clone.
#[derive(Clone)]
pub struct FhirSettings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What a request is answered that names another patient than its token's (RS-05).
    pub status_for_other_patient: u16,
    /// The switches of the domain.
    pub contract: Contract,
    /// What of the data of others is shown.
    pub disclosure: Disclosure,
    /// How subscribers are told of events.
    pub subscriptions: Arc<Subscriptions>,
    /// What seals and opens the secrets of subscriptions.
    pub vault: Arc<Vault>,
    /// The URL under which clients reach this server, without a path and without a slash at its end.
    pub public_url: Arc<str>,
}

impl FhirSettings {
    /// The URL of this front, without a slash at its end.
    pub(crate) fn base(&self) -> String {
        format!("{}{BASE_PATH}", self.public_url)
    }
}

/// One caller's request, apart from what it asks for.
#[derive(Clone)]
pub(crate) struct Context {
    /// Who is asking.
    pub(crate) caller: Caller,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// What a request is answered that names another patient than its token's (RS-05).
    pub(crate) status_for_other_patient: u16,
    /// The switches of the domain.
    pub(crate) contract: Contract,
    /// What of the data of others is shown.
    pub(crate) disclosure: Disclosure,
    /// The URL of this front, without a slash at its end.
    pub(crate) base: String,
    /// `Prefer: handling=strict`: unknown search parameters are refused (G-10).
    pub(crate) is_strict: bool,
    /// How people subscribe; `None` where nobody does.
    pub(crate) subscribing: Option<Subscribing>,
    /// How many statements the request may still send.
    pub(crate) budget: Budget,
    /// Whether the request is carried out while the writer is held: then the document that a client wrote as one is loaded
    /// as text ([`Stored::document`](crate::resource::stored::Stored)), and parsed when the transaction is over.
    pub(crate) holds_writer: bool,
}

/// What subscriptions are judged by, and what keeps their secrets.
#[derive(Clone)]
pub(crate) struct Subscribing {
    /// The settings.
    pub(crate) settings: Arc<Subscriptions>,
    /// What seals and opens.
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

    /// Where websockets are opened.
    pub(crate) fn websocket(&self) -> String {
        websocket_of(&self.base)
    }

    /// How people subscribe here.
    pub(crate) fn subscribing(&self) -> Result<&Subscribing, Refusal> {
        self.subscribing.as_ref().ok_or_else(Refusal::not_found)
    }

    /// What this caller may see at this time.
    pub(crate) fn scope(&self) -> Scope {
        scope_of(&self.caller.who, self.disclosure.staff_reach, self.now())
    }

    /// For whom reasons and actors are masked; `None` where they are not.
    pub(crate) fn masked_for(&self) -> Option<NhsNumber> {
        self.disclosure.masked_for(&self.caller.who)
    }

    /// The time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A URL of this front as `Type/id`, if it is one of this front's, or relative.
    pub(crate) fn relative<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(self.base.as_str()).map_or(url, |rest| rest.trim_start_matches('/'))
    }
}

/// Where websockets are opened, of the front at this URL.
pub(crate) fn websocket_of(base: &str) -> String {
    // http becomes ws, and https wss.
    format!("{}/$subscription-ws", base.replacen("http", "ws", 1))
}
