//! What every HTTP API shares, written once: the pipeline of a request, and the state that it needs.
//!
//! A request passes [`observe::log_requests`], [`cors::cors`] (which also echoes its [`request_id`]), [`panic::catch_panics`]
//! and, where callers are not known yet, [`limit::limit_addresses`]. A handler is given its caller by
//! [`caller::Authenticated`], reads its body by [`body::Bodies`], works through the [`gate::Gate`], and answers by
//! [`record::answer`]. How a refusal looks is the API's own: it implements [`error::HttpError`] and [`error::ApiError`].

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

/// A value that the server was composed with.
///
/// # Errors
///
/// [`Kind::Fault`](base::error::Kind) where it was composed without.
pub fn state<T: 'static>(request: &HttpRequest) -> Result<&Data<T>, Error> {
    let missing = || Error::fault(format!("the server was composed without {}", type_name::<T>()));
    request.app_data::<Data<T>>().ok_or_else(missing)
}
