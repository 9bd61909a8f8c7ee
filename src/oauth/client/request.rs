//! A request of a client, as an argument of a handler: its form, and the authenticated app. So no handler can
//! forget to authenticate.

use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::client::authenticate;
use crate::form::Form;
use crate::problem::OAuthError;
use crate::refusal;
use base::error::Error;
use domain::account::{GrantType, Registration};

/// A form of an authenticated client.
pub(crate) struct ClientRequest<T = ()> {
    /// The form.
    pub(crate) form: Form,
    /// The client.
    pub(crate) client: Arc<Registration>,
    /// The id of the request in the log.
    pub(crate) request_id: Option<String>,
    /// The parameters that were read before the client authenticated.
    pub(crate) parameters: T,
}

/// The parameters that an endpoint reads before the client authenticates.
pub(crate) trait Parameters: Sized + 'static {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`OAuthError`], for any client.
    fn read(form: &Form) -> Result<Self, OAuthError>;
}

/// Nothing.
impl Parameters for () {
    fn read(_form: &Form) -> Result<Self, OAuthError> {
        Ok(())
    }
}

/// `grant_type` of the token endpoint (RFC 6749 §5.2).
impl Parameters for GrantType {
    fn read(form: &Form) -> Result<Self, OAuthError> {
        let name = form.need("grant_type", "grant_type is required")?;
        let unsupported = OAuthError::new(400, "unsupported_grant_type", "the grant_type is not supported");
        Self::parse(name).ok_or(unsupported)
    }
}

impl<T: Parameters> FromRequest for ClientRequest<T> {
    type Error = OAuthError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, OAuthError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), web::Payload::from_request(request, payload));
        Box::pin(async move {
            let payload = payload.await.map_err(|_missing| Error::fault("a request has no payload"))?;
            let form = Form::read(&request, payload).await?;
            let parameters = T::read(&form)?;
            let client = authenticate(&request, &form).await?;
            let request_id = refusal::request_id(&request);
            Ok(Self { form, client, request_id, parameters })
        })
    }
}
