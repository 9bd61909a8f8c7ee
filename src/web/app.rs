//! The long-lived parts of a running service.

use std::any::type_name;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::Room;
use crate::observe::Metrics;
use base::clock::Clock;
use base::cpu_pool::CpuPool;
use base::error::Error;
use base::ids;
use base::secret::Vault;
use config::{Contract, Limits};
use domain::account::Caller;
use domain::audit::Access;
use service::access;
use service::admission;
use service::admission::{Denied, Shown};
use service::authority::Authority;
use service::event::channel::sockets::Sockets;
use service::event::settings::Subscriptions;
use service::journal::Journal;
use service::policy::{AccessPolicy, Disclosure};
use store::{Store, Tx};

/// What every request handler may reach. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is let in beside those with a token of ours.
    pub policy: Arc<AccessPolicy>,
    /// The authorization server; `None` where the settings have none.
    pub authority: Option<Arc<Authority>>,
    /// What a request is answered on the FHIR R4 front that names another patient than its token's.
    pub status_for_other_patient: u16,
    /// The switches of the contract.
    pub contract: Contract,
    /// What of the data of others is shown.
    pub disclosure: Disclosure,
    /// The limits on requests.
    pub limits: Limits,
    /// How subscribers are told of events.
    pub subscriptions: Arc<Subscriptions>,
    /// The sockets that consumers have opened.
    pub sockets: Sockets,
    /// What encrypts the secrets that must be read again.
    pub vault: Arc<Vault>,
    /// The names of the tokens of [`App::policy`] with which systems may tell of people.
    pub events_from: Arc<[String]>,
    /// What is counted.
    pub metrics: Metrics,
    /// The SHA-256 of the token of `/metrics`; `None`: it is not served.
    pub metrics_token: Option<[u8; 32]>,
    /// The SHA-256 of the key of `_status`.
    pub status_key: Option<[u8; 32]>,
    /// The URL under which clients reach this server, without a path and without a slash at its end.
    pub public_url: Arc<str>,
    /// The header in which the proxy in front says for whom it asks; `None` where there is no proxy.
    pub address_header: Option<Arc<str>>,
    /// The memory of bodies that have come.
    pub room: Room,
    /// Where the content of large requests is worked on.
    pub cpu: CpuPool,
    /// Whose Bundle may be taken apart.
    bundles: Arc<Semaphore>,
    /// Where accesses are written down.
    journal: Journal,
    limiter: Limiter,
    addresses: Limiter,
}

/// How many Bundles are in memory as a tree at a time, for each core: a tree takes some twenty times the bytes that came.
const BUNDLES: usize = 2;

type Limiter = Option<Arc<DefaultKeyedRateLimiter<String>>>;

/// What came of a write.
#[derive(Clone, Copy, Debug)]
pub struct Written<T> {
    /// What it answers.
    pub value: T,
    /// Whether it left a record. One that asked for what was already so did not, and is an access.
    pub is_recorded: bool,
}

/// The parts that an [`App`] is made of.
#[expect(missing_docs, reason = "the fields are those of App")]
pub struct Parts {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub policy: AccessPolicy,
    pub authority: Option<Arc<Authority>>,
    pub status_for_other_patient: u16,
    pub contract: Contract,
    pub disclosure: Disclosure,
    pub limits: Limits,
    pub subscriptions: Subscriptions,
    pub vault: Vault,
    pub events_from: Vec<String>,
    pub metrics: Metrics,
    pub metrics_token: Option<[u8; 32]>,
    pub status_key: Option<[u8; 32]>,
    pub public_url: String,
    pub address_header: Option<String>,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let now = parts.clock.now();
        let limiter = |per_minute| {
            NonZeroU32::new(per_minute)
                .map(|per_minute| Arc::new(RateLimiter::keyed(Quota::per_minute(per_minute))))
        };
        Self {
            bundles: Arc::new(Semaphore::new(
                BUNDLES * thread::available_parallelism().map_or(1, usize::from),
            )),
            room: Room::default(),
            cpu: CpuPool::new(parts.limits.request),
            journal: Journal::start(parts.store.clone()),
            store: parts.store,
            clock: parts.clock,
            policy: Arc::new(parts.policy),
            authority: parts.authority,
            status_for_other_patient: parts.status_for_other_patient,
            contract: parts.contract,
            disclosure: parts.disclosure,
            limits: parts.limits,
            subscriptions: Arc::new(parts.subscriptions),
            sockets: Sockets::new(&ids::new_uuid(now).to_string()),
            vault: Arc::new(parts.vault),
            events_from: parts.events_from.into(),
            metrics: parts.metrics,
            metrics_token: parts.metrics_token,
            status_key: parts.status_key,
            public_url: parts.public_url.into(),
            address_header: parts.address_header.map(Into::into),
            limiter: limiter(parts.limits.requests_per_minute),
            addresses: limiter(parts.limits.log_in_requests_per_minute),
        }
    }

    /// Finds out who is calling.
    ///
    /// # Errors
    ///
    /// [`Denied`] for nobody.
    pub fn admit(&self, shown: &Shown<'_>) -> Result<Caller, Denied> {
        admission::admit(&self.policy, self.authority.as_deref(), shown, self.clock.now())
    }

    /// Reads as this caller: whatever the token says, its grant must hold in the transaction of the read.
    ///
    /// # Errors
    ///
    /// [`Kind::Unauthenticated`](base::error::Kind) where it does not; those of [`Store::read`].
    pub async fn read_as<T, E, F>(&self, caller: Caller, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        match self.late_reader(&caller) {
            Some(reader) => self.read_late_as(reader, caller, work).await,
            None => self.store.read(self.if_live(caller, work)).await,
        }
    }

    /// As [`App::read_as`], for what may take long ([`Store::read_long`]).
    ///
    /// # Errors
    ///
    /// As [`App::read_as`].
    pub async fn read_long_as<T, E, F>(&self, caller: Caller, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        match self.late_reader(&caller) {
            Some(reader) => self.read_late_as(reader, caller, work).await,
            None => self.store.read_long(self.if_live(caller, work)).await,
        }
    }

    /// As [`App::read_as`], for a few reads by key ([`Store::read_briefly`]).
    ///
    /// # Errors
    ///
    /// As [`App::read_as`].
    pub async fn read_briefly_as<T, E, F>(&self, caller: Caller, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        match self.late_reader(&caller) {
            Some(reader) => self.read_late_as(reader, caller, work).await,
            None => self.store.read_briefly(self.if_live(caller, work)).await,
        }
    }

    /// Reads as this caller what one statement finds ([`Store::read_one`]). The grant is looked at after it: what was
    /// there before the grant was seen to hold may be told, what came after might not.
    ///
    /// # Errors
    ///
    /// As [`App::read_as`].
    pub async fn read_one_as<T, E, F>(&self, caller: Caller, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if let Some(reader) = self.late_reader(&caller) {
            return self.read_late_as(reader, caller, work).await;
        }
        let now = self.clock.now();
        let work = move |tx: &mut Tx<'_>| {
            let result = work(tx);
            access::check_live(tx, &caller, now).map_err(Error::from)?;
            result
        };
        self.store.read_one(work).await
    }

    /// The caller as a replica knows readers, if there is one and it may answer them.
    fn late_reader(&self, caller: &Caller) -> Option<String> {
        let reader = self.store.has_replica().then(|| reader(caller))?;
        self.store.may_read_late(&reader).then_some(reader)
    }

    /// What a replica says is a little old. Whether the caller may ask at all is never asked of it.
    async fn read_late_as<T, E, F>(&self, reader: String, caller: Caller, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.store.read(self.if_live(caller, |_tx| Ok::<_, E>(()))).await?;
        self.store.read_late(reader, work).await
    }

    /// The work, if the caller's grant holds.
    fn if_live<T, E, F>(
        &self,
        caller: Caller,
        work: F,
    ) -> impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static
    where
        E: From<Error>,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let now = self.clock.now();
        move |tx: &mut Tx<'_>| {
            access::check_live(tx, &caller, now).map_err(Error::from)?;
            work(tx)
        }
    }

    /// Writes as this caller, as [`App::read_as`] reads, and says whether that left a record. The work is run again
    /// where the database gave it up for another transaction ([`Store::write_again`]).
    ///
    /// # Errors
    ///
    /// As [`App::read_as`]; those of [`Store::write_again`].
    pub async fn write_as<T, E, F>(&self, caller: Caller, mut work: F) -> Result<Written<T>, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let reader = self.store.has_replica().then(|| reader(&caller));
        let now = self.clock.now();
        let write = move |tx: &mut Tx<'_>| {
            access::check_live(tx, &caller, now).map_err(Error::from)?;
            let value = work(tx)?;
            Ok(Written { value, is_recorded: tx.recorded() > 0 })
        };
        let written = self.store.write_again(type_name::<F>(), write).await;
        // Also after a failure: a commit whose answer was lost may have happened.
        if let Some(reader) = reader {
            self.store.has_written(&reader);
        }
        written
    }

    /// Waits until a Bundle that has arrived may be taken apart, and be carried out while what is returned is held.
    ///
    /// # Errors
    ///
    /// [`Kind::Busy`](base::error::Kind) when that takes longer than a request may take to arrive.
    pub async fn turn_of_bundle(&self) -> Result<OwnedSemaphorePermit, Error> {
        let turn = tokio::time::timeout(self.limits.request, Arc::clone(&self.bundles).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Error::busy("too many bundles were carried out for too long"));
        };
        Ok(turn)
    }

    /// Writes accesses down. Only when this returns may they be answered.
    ///
    /// # Errors
    ///
    /// [`Kind::Busy`](base::error::Kind) when that is not possible now.
    pub async fn record(&self, accesses: Vec<Access>) -> Result<(), Error> {
        self.journal.record(accesses).await
    }

    /// Counts a request of this caller: of an app's together, where an app asks for somebody.
    ///
    /// # Errors
    ///
    /// How long to wait, when the caller has asked too often.
    pub fn count_request(&self, caller: &Caller) -> Result<(), Duration> {
        let of_app = caller.app.as_ref().map(|app| format!("app {app}"));
        let key = of_app.or_else(|| caller.who.id()).unwrap_or_else(|| caller.who.kind().to_owned());
        count(&self.limiter, &key)
    }

    /// Counts a request of an app that has proved itself, with those that it makes for people.
    ///
    /// # Errors
    ///
    /// As [`App::count_request`].
    pub fn count_app(&self, client_id: &str) -> Result<(), Duration> {
        count(&self.limiter, &format!("app {client_id}"))
    }

    /// Counts a request of an address, at an endpoint where nobody is known yet.
    ///
    /// # Errors
    ///
    /// As [`App::count_request`].
    pub fn count_address(&self, address: &str) -> Result<(), Duration> {
        count(&self.addresses, address)
    }

    /// Forgets callers that have been quiet, so that the limiter's memory does not grow for ever.
    pub fn forget_quiet_callers(&self) {
        for limiter in [&self.limiter, &self.addresses].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// Who reads what they wrote: a person or a system, through whichever app.
fn reader(caller: &Caller) -> String {
    format!("{} {}", caller.who.kind(), caller.who.id().unwrap_or_default())
}

fn count(limiter: &Limiter, key: &str) -> Result<(), Duration> {
    let Some(limiter) = limiter else { return Ok(()) };
    let counted = limiter.check_key(&key.to_owned());
    counted.map_err(|denied| denied.wait_time_from(limiter.clock().now()))
}
