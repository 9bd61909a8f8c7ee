//! Authenticates, counts and logs the caller of a request, in the same way for every API.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use crate::credentials::presented_credentials;
use crate::error::ApiError;
use crate::gate::Gate;
use crate::limit::Throttle;
use crate::observe::CallerKind;
use crate::request_id::request_id;
use crate::state;
use domain::account::Caller;
use service::authentication::AuthenticationError;

/// The authenticated caller as an argument of a handler; refusals have the form of one API.
#[derive(Clone, Debug)]
pub struct Authenticated<E> {
    caller: Caller,
    refuses: PhantomData<fn() -> E>,
}

impl<E> Authenticated<E> {
    /// The caller.
    pub fn into_inner(self) -> Caller {
        self.caller
    }
}

impl<E: ApiError> FromRequest for Authenticated<E> {
    type Error = E;
    type Future = Ready<Result<Self, E>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(authenticate(request).map(|caller| Self { caller, refuses: PhantomData }))
    }
}

/// Authenticates the caller of a request, and counts the request. Whether the grant of the caller's token is
/// still valid is read in the transaction of the request ([`Gate::read_as`]).
///
/// # Errors
///
/// [`ApiError::authentication_error`]; [`HttpError::throttled`](crate::error::HttpError::throttled).
pub fn authenticate<E: ApiError>(request: &HttpRequest) -> Result<Caller, E> {
    let caller = identify(state::<Gate>(request)?, request).map_err(E::authentication_error)?;
    request.extensions_mut().insert(CallerKind(caller.principal.kind()));
    let counted = state::<Throttle>(request)?.count_caller(&caller);
    counted.map_err(|wait| E::throttled(wait.as_secs() + 1))?;
    Ok(caller)
}

/// Records for the request log that an app has authenticated as a client: it is not a caller of an API.
pub fn note_app(request: &HttpRequest) {
    request.extensions_mut().insert(CallerKind("app"));
}

/// Authenticates the caller of a request without counting the request.
pub fn identify(gate: &Gate, request: &HttpRequest) -> Result<Caller, AuthenticationError> {
    let url = format!("{}{}", gate.public_url, request.path());
    let caller = gate.authenticate(&presented_credentials(request, &url))?;
    Ok(Caller { request_id: request_id(request.headers()).map(str::to_owned), ..caller })
}
