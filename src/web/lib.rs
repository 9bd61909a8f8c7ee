//! What every HTTP API shares: the steps of a request, and their state.
//!
//! A request passes [`observe::log_requests`], [`cors::cors`] (which also echoes its [`request_id`]),
//! [`panic::catch_panics`] and, at endpoints without authentication, [`limit::limit_addresses`]. A handler
//! gets its caller from [`caller::Authenticated`], reads its body with [`body::Bodies`], uses the store
//! through the [`gate::Gate`], and responds by [`record::answer`]. The form of a refusal is the API's own: it
//! implements [`error::HttpError`] and [`error::ApiError`].

pub mod body;
pub mod caller;
pub mod cors;
pub mod credentials;
pub mod error;
pub mod gate;
pub mod limit;
pub mod observe;
pub mod openapi;
pub mod page;
pub mod panic;
pub mod record;
pub mod request_id;

use std::any::type_name;

use actix_web::HttpRequest;
use actix_web::web::Data;

use base::error::Error;

/// A value of the server's composition.
///
/// # Errors
///
/// [`ErrorKind::Fault`](base::error::ErrorKind) where the server was composed without it.
pub fn state<T: 'static>(request: &HttpRequest) -> Result<&Data<T>, Error> {
    let missing = || Error::fault(format!("the server was composed without {}", type_name::<T>()));
    request.app_data::<Data<T>>().ok_or_else(missing)
}
