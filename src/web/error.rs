//! How an API, or a page, renders its refusals.

use actix_web::ResponseError;

use base::error::Error;
use domain::audit::Outcome;
use service::admission::Denied;

/// A refusal in the form of one API or page.
pub trait HttpError: From<Error> + ResponseError + 'static {
    /// 429: too many requests; the next one after so many seconds.
    fn throttled(seconds: u64) -> Self;
}

/// A refusal of an API, whose callers authenticate.
pub trait ApiError: HttpError {
    /// The caller is not authenticated.
    fn denied(denied: Denied) -> Self;

    /// The code that the audit record keeps.
    fn code(&self) -> &'static str;

    /// What the audit record says of a request that is refused like this.
    fn outcome(&self) -> Outcome {
        Outcome::of(self.status_code().as_u16(), self.code())
    }
}
