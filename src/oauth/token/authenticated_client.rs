//! The client of a token request, and the transaction in which a token is issued.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::web::Data;

use crate::client;
use crate::problem::OAuthError;
use crate::state::authority;
use ::web::gate::Gate;
use domain::account::Registration;
use idp::Providers;
use service::account::{TokenError, TokenRequest};
use store::Tx;

/// The client of a token request, kept until the transaction.
#[derive(Clone)]
pub(super) struct AuthenticatedClient {
    pub(super) app: Arc<Registration>,
    pub(super) key: Option<client::ProvedKey>,
    pub(super) audience: Vec<String>,
    pub(super) found: Arc<AtomicBool>,
    pub(super) providers: Data<Providers>,
}

impl AuthenticatedClient {
    pub(super) fn jkt(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.jkt.as_str())
    }
}

/// Runs a use case for a client. It also stores the DPoP proof as used; a refused request stores nothing.
pub(super) async fn write<T, F>(gate: &Gate, client: AuthenticatedClient, work: F) -> Result<T, OAuthError>
where
    T: Send + 'static,
    F: FnOnce(&mut Tx<'_>, &TokenRequest<'_>) -> Result<T, TokenError> + Send + 'static,
{
    let (lifetimes, now) = (authority(gate)?.lifetimes(), gate.clock.now());
    let written = gate.store.write(move |tx| {
        let AuthenticatedClient { app, audience, found, .. } = &client;
        let done = work(tx, &TokenRequest { app, jkt: client.jkt(), audience, lifetimes, now, found })?;
        match &client.key {
            Some(key) if !key.spend(tx)? => Err(TokenError::Proof(client::BAD_PROOF)),
            Some(_) | None => Ok(done),
        }
    });
    Ok(written.await?)
}
