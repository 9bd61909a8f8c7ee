//! The state that the server gives to handlers.

use actix_web::HttpRequest;
use actix_web::web::Data;

use crate::client::keys::AppKeys;
use crate::problem::OAuthError;
use ::web::gate::Gate;
use base::error::Error;
use idp::Providers;
use service::authority::Authority;

/// The authorization server. These routes exist only with one.
pub(crate) fn authority(gate: &Gate) -> Result<&Authority, OAuthError> {
    gate.authority.as_deref().ok_or_else(|| Error::fault("there is no authorization server").into())
}

/// The identity providers.
pub(crate) fn providers(request: &HttpRequest) -> Result<Data<Providers>, Error> {
    request.app_data().cloned().ok_or_else(|| Error::fault("there are no providers"))
}

/// The keys that apps publish.
pub(crate) fn app_keys(request: &HttpRequest) -> Result<Data<AppKeys>, Error> {
    request.app_data().cloned().ok_or_else(|| Error::fault("there are no keys of apps"))
}
