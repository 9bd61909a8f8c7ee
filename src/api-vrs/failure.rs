//! Maps the refusals of the shared steps and use cases to problems of the catalogue.

use crate::catalogue;
use crate::problem::VrsError;
use base::error::{Error, ErrorKind};
use service::access::AccessDenied;
use service::authentication::AuthenticationError;
use service::proxy::query::SearchError;
use web::body::BodyFault;
use web::error::{ApiError, HttpError};

impl HttpError for VrsError {
    fn throttled(seconds: u64) -> Self {
        catalogue::THROTTLED.retry_after(seconds)
    }
}

impl ApiError for VrsError {
    fn authentication_error(_error: AuthenticationError) -> Self {
        catalogue::ACCESS_DENIED
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

/// Errors that every operation shares. The cause is logged here, once.
impl From<Error> for VrsError {
    fn from(error: Error) -> Self {
        if matches!(error.kind(), ErrorKind::Fault | ErrorKind::Busy) {
            web::observe::log_failure(&error);
        }
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::Unprocessable | ErrorKind::TooCostly => catalogue::BAD_REQUEST,
            ErrorKind::Unauthenticated => catalogue::ACCESS_DENIED,
            ErrorKind::Forbidden => catalogue::FORBIDDEN,
            ErrorKind::NotFound => catalogue::INVALIDATED_RESOURCE,
            ErrorKind::Conflict => catalogue::DUPLICATE_RELATIONSHIP,
            ErrorKind::PreconditionFailed | ErrorKind::Busy => {
                catalogue::DOWNSTREAM_SERVICE_ERROR.retry_after(1)
            }
            ErrorKind::Fault => catalogue::SERVER_ERROR,
        }
    }
}

impl From<BodyFault> for VrsError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => catalogue::TOO_LARGE,
            BodyFault::Encoded => catalogue::UNSUPPORTED_MEDIA_TYPE.without_encodings(),
            BodyFault::Incomplete => catalogue::BAD_REQUEST.saying("The request body is incomplete."),
            BodyFault::Late => catalogue::TIMEOUT,
        }
    }
}

impl From<AccessDenied> for VrsError {
    fn from(_refusal: AccessDenied) -> Self {
        catalogue::FORBIDDEN
    }
}

impl From<SearchError> for VrsError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::UnknownPerson => catalogue::INVALIDATED_RESOURCE,
            SearchError::NoPractice => catalogue::GP_PRACTICE_NOT_FOUND,
            SearchError::Store(error) => error.into(),
        }
    }
}
