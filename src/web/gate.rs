//! The gate that every request passes: who is let in, whether the grant behind a token still holds in the transaction of
//! the request, and the journal of accesses.

use std::any::type_name;
use std::sync::Arc;

use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Access;
use service::access;
use service::authentication;
use service::authentication::{AuthenticationError, PresentedCredentials};
use service::authority::Authority;
use service::journal::Journal;
use service::policy::AccessPolicy;
use store::{Lane, Store, Tx};

/// Where callers are let in to the database. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The authorization server; `None` where the settings have none.
    pub authority: Option<Arc<Authority>>,
    /// The URL under which clients reach this server, without a path and without a slash at its end.
    pub public_url: Arc<str>,
    /// Who is let in beside those with a token of ours.
    policy: Arc<AccessPolicy>,
    /// Where accesses are written down.
    journal: Journal,
}

/// What came of a write.
#[derive(Clone, Copy, Debug)]
pub struct Written<T> {
    /// What it answers.
    pub value: T,
    /// Whether it left a record. One that asked for what was already so did not, and is an access.
    pub is_recorded: bool,
}

impl Gate {
    /// The gate of a server that clients reach at this URL. Starts the thread of the journal.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        policy: AccessPolicy,
        authority: Option<Arc<Authority>>,
        public_url: &str,
    ) -> Self {
        let (policy, journal) = (Arc::new(policy), Journal::start(store.clone()));
        Self { store, clock, authority, public_url: public_url.into(), policy, journal }
    }

    /// Authenticates the caller.
    ///
    /// # Errors
    ///
    /// [`AuthenticationError`] when the credentials are not valid.
    pub(crate) fn authenticate(
        &self,
        presented: &PresentedCredentials<'_>,
    ) -> Result<Caller, AuthenticationError> {
        authentication::authenticate(&self.policy, self.authority.as_deref(), presented, self.clock.now())
    }

    /// Reads as this caller: whatever the token says, its grant must hold in the transaction of the read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthenticated`](base::error::ErrorKind) where it does not; those of [`Store::read`].
    pub async fn read_as<T, E, F>(&self, caller: Caller, lane: Lane, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        match self.late_reader(&caller) {
            Some(reader) => self.read_late_as(reader, caller, work).await,
            None => self.store.read_in(lane, self.if_live(caller, work)).await,
        }
    }

    /// Reads as this caller what one statement finds ([`Store::read_one`]). The state of the grant is read by the
    /// same statement, where that is possible, or after it: data read before the grant was seen to hold may be disclosed,
    /// data read after it may not.
    ///
    /// # Errors
    ///
    /// As [`Gate::read_as`].
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
            if let Some(grant) = caller.grant {
                tx.expect_grant(grant);
            }
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

    /// Writes as this caller, as [`Gate::read_as`] reads, and says whether that left a record. The work is run again
    /// where the database gave it up for another transaction ([`Store::write_again`]).
    ///
    /// # Errors
    ///
    /// As [`Gate::read_as`]; those of [`Store::write_again`].
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

    /// Writes accesses down. Only when this returns may they be answered.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`](base::error::ErrorKind) when that is not possible now.
    pub async fn record(&self, accesses: Vec<Access>) -> Result<(), Error> {
        self.journal.record(accesses).await
    }
}

/// Who reads what they wrote: a person or a system, through whichever app.
fn reader(caller: &Caller) -> String {
    format!("{} {}", caller.principal.kind(), caller.principal.id().unwrap_or_default())
}
