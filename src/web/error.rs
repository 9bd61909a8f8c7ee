//! How an API, or a page, renders its refusals.

use actix_web::ResponseError;

use base::error::Error;
use domain::audit::Outcome;
use service::authentication::AuthenticationError;

/// A refusal in the form of one API or page.
pub trait HttpError: From<Error> + ResponseError + 'static {
    /// 429, too many requests. The next one may be sent after so many seconds.
    fn throttled(seconds: u64) -> Self;
}

/// A refusal of an API with authenticated callers.
pub trait ApiError: HttpError {
    /// The caller is not authenticated.
    fn authentication_error(error: AuthenticationError) -> Self;

    /// The error code in the audit record.
    fn code(&self) -> &'static str;

    /// The outcome in the audit record of a request that is refused with this error.
    fn outcome(&self) -> Outcome {
        Outcome::of(self.status_code().as_u16(), self.code())
    }
}
