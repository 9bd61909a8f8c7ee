//! Maps the refusals of the shared steps and use cases to problems of the catalogue.

use crate::catalogue;
use crate::problem::Problem;
use base::error::{Error, Kind};
use service::access::Refusal;
use service::admission::Denied;
use service::proxy::query::SearchError;
use web::body::BodyFault;
use web::error::{ApiError, HttpError};

impl HttpError for Problem {
    fn throttled(seconds: u64) -> Self {
        catalogue::THROTTLED.retry_after(seconds)
    }
}

impl ApiError for Problem {
    fn denied(_denied: Denied) -> Self {
        catalogue::ACCESS_DENIED
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

/// Errors that every operation shares. The cause is logged here, once.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if matches!(error.kind(), Kind::Fault | Kind::Busy) {
            web::observe::log_failure(&error);
        }
        match error.kind() {
            Kind::Invalid | Kind::Unprocessable | Kind::TooCostly => catalogue::BAD_REQUEST,
            Kind::Unauthenticated => catalogue::ACCESS_DENIED,
            Kind::Forbidden => catalogue::FORBIDDEN,
            Kind::NotFound => catalogue::INVALIDATED_RESOURCE,
            Kind::Conflict => catalogue::DUPLICATE_RELATIONSHIP,
            Kind::PreconditionFailed | Kind::Busy => catalogue::DOWNSTREAM_SERVICE_ERROR.retry_after(1),
            Kind::Fault => catalogue::SERVER_ERROR,
        }
    }
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => catalogue::TOO_LARGE,
            BodyFault::Encoded => catalogue::UNSUPPORTED_MEDIA_TYPE.without_encodings(),
            BodyFault::Incomplete => catalogue::BAD_REQUEST.saying("The request body is incomplete."),
            BodyFault::Late => catalogue::TIMEOUT,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(_refusal: Refusal) -> Self {
        catalogue::FORBIDDEN
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::UnknownPerson => catalogue::INVALIDATED_RESOURCE,
            SearchError::NoPractice => catalogue::GP_PRACTICE_NOT_FOUND,
            SearchError::Store(error) => error.into(),
        }
    }
}
