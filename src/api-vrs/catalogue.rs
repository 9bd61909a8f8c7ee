//! Every error of the VRS API (contract §2.2): status, code, FHIR issue type, display and diagnostics, in the
//! contract's words where it has any. The others follow its pattern.

use crate::problem::VrsError;

// Any operation.

pub(crate) const ACCESS_DENIED: VrsError = VrsError::new(
    401,
    "ACCESS_DENIED",
    "forbidden",
    "Missing or invalid OAuth 2.0 bearer token in request.",
    "Invalid access token - Access Denied.",
);
pub(crate) const FORBIDDEN: VrsError =
    VrsError::new(403, "FORBIDDEN", "forbidden", "Access Denied", "Access denied to resource.");
pub(crate) const INVALIDATED_RESOURCE: VrsError = VrsError::new(
    404,
    "INVALIDATED_RESOURCE",
    "processing",
    "Resource that has been marked as invalid was requested - invalid resources cannot be retrieved",
    "Resource that has been marked as invalid was requested - invalid resources cannot be retrieved",
);
pub(crate) const METHOD_NOT_ALLOWED: VrsError = VrsError::new(
    405,
    "METHOD_NOT_ALLOWED",
    "not-supported",
    "The method is not allowed.",
    "The method is not allowed for the requested resource.",
);
pub(crate) const TIMEOUT: VrsError = VrsError::new(
    408,
    "TIMEOUT",
    "processing",
    "Request timed out.",
    "The request did not arrive within the time allowed.",
);
pub(crate) const TOO_LARGE: VrsError = VrsError::new(
    413,
    "BAD_REQUEST",
    "invalid",
    "The request could not be processed.",
    "The request body is larger than this service accepts.",
);
pub(crate) const UNSUPPORTED_MEDIA_TYPE: VrsError = VrsError::new(
    415,
    "UNSUPPORTED_MEDIA_TYPE",
    "not-supported",
    "Unsupported Media Type.",
    "Unsupported Media Type.",
);
pub(crate) const THROTTLED: VrsError = VrsError::new(
    429,
    "THROTTLED",
    "processing",
    "Too many requests.",
    "The rate limit of this caller is exceeded.",
);
pub(crate) const SERVER_ERROR: VrsError = VrsError::new(
    500,
    "SERVER_ERROR",
    "exception",
    "Failed to generate response",
    "Internal Server Error - Failed to generate response is present in the response",
);
pub(crate) const DOWNSTREAM_SERVICE_ERROR: VrsError = VrsError::new(
    503,
    "DOWNSTREAM_SERVICE_ERROR",
    "processing",
    "Failed to generate response",
    "Downstream Service Error - Failed to generate response is present in the response",
);
pub(crate) const MISSING_VALUE: VrsError =
    VrsError::new(400, "MISSING_VALUE", "invalid", "Required values are missing.", "Unable to find a value");
pub(crate) const INVALID_VALUE: VrsError =
    VrsError::new(400, "INVALID_VALUE", "invalid", "Provided value is invalid", "A value is invalid");
pub(crate) const BAD_REQUEST: VrsError = VrsError::new(
    400,
    "BAD_REQUEST",
    "invalid",
    "The request could not be processed.",
    "The supplied input is not valid.",
);
pub(crate) const DUPLICATE_RELATIONSHIP: VrsError = VrsError::new(
    409,
    "DUPLICATE_RELATIONSHIP",
    "invalid",
    "Request must be for a new proxy role.",
    "Proxy role already exists.",
);

/// Not in the contract, which has no limit on access requests.
pub(crate) const TOO_MANY_OPEN_REQUESTS: VrsError = VrsError::new(
    409,
    "OPEN_ACCESS_REQUEST",
    "invalid",
    "Request must be for a new proxy role.",
    "An access request is waiting for an answer, or the applicant has too many that do.",
);

// GET /QuestionnaireResponse/{id}

pub(crate) const INVALID_ACCESS_REQUEST_ID: VrsError = VrsError::new(
    400,
    "INVALID_IDENTIFIER_VALUE",
    "invalid",
    "Invalid identifier value",
    "The specified access request ID is invalid. Access request IDs must be a valid UUID.",
)
.in_spine_system();
pub(crate) const QUESTIONNAIRE_RESPONSE_NOT_FOUND: VrsError = VrsError::new(
    404,
    "QUESTIONNAIRE_RESPONSE_NOT_FOUND",
    "not-found",
    "Questionnaire response not found",
    "The Questionnaire response could not be found using the provided access request ID.",
)
.in_spine_system();

// GET /RelatedPerson

pub(crate) const RELATED_PERSON_MISSING_IDENTIFIER: VrsError = VrsError::new(
    400,
    "MISSING_IDENTIFIER_VALUE",
    "invalid",
    "Missing RelatedPerson NHS number.",
    "The 'identifier' parameter is required",
);
pub(crate) const RELATED_PERSON_INVALID_SYSTEM: VrsError = VrsError::new(
    400,
    "INVALID_IDENTIFIER_SYSTEM",
    "invalid",
    "Invalid identifier system.",
    "The identifier system is not valid.",
);
pub(crate) const RELATED_PERSON_INVALID_PROXY: VrsError = VrsError::new(
    400,
    "INVALID_IDENTIFIER_VALUE",
    "invalid",
    "Provided value is invalid",
    "Not a valid NHS Number provided for the 'identifier' parameter",
);
pub(crate) const RELATED_PERSON_INVALID_PATIENT: VrsError = VrsError::new(
    400,
    "INVALID_PATIENT_IDENTIFIER_VALUE",
    "invalid",
    "Provided value is invalid",
    "Not a valid NHS Number provided for the 'patient:identifier' parameter",
);

// GET /Consent and GET /Consent/{id}

pub(crate) const CONSENT_MISSING_IDENTIFIER: VrsError = VrsError::new(
    400,
    "MISSING_IDENTIFIER_VALUE",
    "invalid",
    "Required parameter(s) are missing.",
    "Invalid request with error - performer:identifier or patient:identifier parameter not found.",
);
pub(crate) const CONSENT_INVALID_SYSTEM: VrsError = VrsError::new(
    422,
    "INVALID_IDENTIFIER_SYSTEM",
    "invalid",
    "Required parameter(s) are invalid.",
    "Invalid request with error - performer:identifier or patient:identifier system parameter is invalid.",
);
pub(crate) const CONSENT_INVALID_VALUE: VrsError = VrsError::new(
    422,
    "INVALID_IDENTIFIER_VALUE",
    "invalid",
    "Required parameter(s) are invalid.",
    "Invalid request with error - performer:identifier or patient:identifier parameter is invalid.",
);
pub(crate) const INVALID_STATUS_PARAMETER: VrsError = VrsError::new(
    422,
    "INVALID_PARAMETER",
    "invalid",
    "Required parameter(s) are invalid.",
    "Invalid request with error - status parameter is invalid.",
);
pub(crate) const INVALID_INCLUDE_PARAMETER: VrsError = VrsError::new(
    422,
    "INVALID_PARAMETER",
    "invalid",
    "Required parameter(s) are invalid.",
    "Invalid request with error - _include parameter is invalid.",
);
pub(crate) const GP_PRACTICE_NOT_FOUND: VrsError = VrsError::new(
    404,
    "GP_PRACTICE_NOT_FOUND",
    "processing",
    "GP Practice could not be found - invalid resources cannot be retrieved",
    "GP Practice could not be found",
);
/// Its status is set by a switch.
pub(crate) const INVALID_ID_VALUE: VrsError = VrsError::new(
    422,
    "INVALID_ID_VALUE",
    "invalid",
    "Required parameter(s) are invalid.",
    "Invalid request with error - ID must be a valid UUID.",
);

// POST /Consent

pub(crate) const MISSING_STATUS: VrsError = missing("MISSING_STATUS", "Unable to find status");
pub(crate) const MISSING_SCOPE: VrsError = missing("MISSING_SCOPE", "Unable to find scope");
pub(crate) const MISSING_CATEGORY: VrsError = missing("MISSING_CATEGORY", "Unable to find category");
pub(crate) const MISSING_PATIENT: VrsError = missing("MISSING_PATIENT", "Unable to find patient");
pub(crate) const MISSING_PERFORMER: VrsError = missing("MISSING_PERFORMER", "Unable to find performer");
pub(crate) const MISSING_DATETIME: VrsError = missing("MISSING_DATETIME", "Unable to find dateTime");
pub(crate) const MISSING_EXTENSION: VrsError = missing("MISSING_VALUE", "Unable to find extension");
pub(crate) const MISSING_IDENTIFIER_SYSTEM: VrsError =
    missing("MISSING_IDENTIFIER_SYSTEM", "Unable to determine the identifier system");
pub(crate) const MISSING_IDENTIFIER_VALUE: VrsError =
    missing("MISSING_IDENTIFIER_VALUE", "Unable to find the identifier value");
pub(crate) const INVALID_STATUS: VrsError = invalid("INVALID_STATUS", "Invalid status.", "Status is invalid");
pub(crate) const INVALID_SCOPE: VrsError = invalid("INVALID_SCOPE", "Invalid scope.", "Scope is invalid");
pub(crate) const INVALID_CATEGORY: VrsError =
    invalid("INVALID_CATEGORY", "Invalid category.", "Category is invalid");
pub(crate) const INVALID_PATIENT: VrsError =
    invalid("INVALID_PATIENT", "Invalid patient.", "Patient is invalid");
pub(crate) const INVALID_PERFORMER: VrsError =
    invalid("INVALID_PERFORMER", "Invalid performer.", "Performer is invalid");
pub(crate) const INVALID_DATETIME: VrsError =
    invalid("INVALID_DATETIME", "Invalid dateTime.", "DateTime is invalid");
pub(crate) const INVALID_PROVISION: VrsError =
    invalid("INVALID_PROVISION", "Invalid provision.", "Provision is invalid");
pub(crate) const INVALID_IDENTIFIER_SYSTEM: VrsError =
    invalid("INVALID_IDENTIFIER_SYSTEM", "Invalid identifier system.", "Identifier system is invalid");
pub(crate) const INVALID_IDENTIFIER_VALUE: VrsError =
    invalid("INVALID_IDENTIFIER_VALUE", "Invalid identifier value.", "Identifier value is invalid");

// POST and PATCH /Consent

pub(crate) const INVALID_EXTENSION: VrsError =
    invalid("INVALID_EXTENSION", "Invalid extension.", "Extension is invalid");
pub(crate) const MISSING_GRANTOR: VrsError = VrsError::new(
    400,
    "MISSING_GRANTOR",
    "invalid",
    "Grantor required for active status",
    "Grantor extension is required when creating/updating an active proxy role",
);
pub(crate) const MISSING_GRANTOR_REFERENCE: VrsError = VrsError::new(
    400,
    "MISSING_GRANTOR_REFERENCE",
    "invalid",
    "Missing grantor reference",
    "Grantor extension must contain a valueReference",
);
pub(crate) const MISSING_GRANTOR_IDENTIFIER: VrsError = VrsError::new(
    400,
    "MISSING_GRANTOR_IDENTIFIER",
    "invalid",
    "Missing grantor identifier",
    "Grantor extension must contain a valueIdentifier",
);
pub(crate) const INVALID_GRANTOR_SYSTEM: VrsError = invalid(
    "INVALID_GRANTOR_SYSTEM",
    "Invalid grantor identifier system",
    "Valid grantor extension identifier system is required when creating/updating a consent with status 'active'",
);
pub(crate) const INVALID_GRANTOR_VALUE: VrsError = invalid(
    "INVALID_GRANTOR_VALUE",
    "Invalid grantor identifier value",
    "Valid grantor extension identifier value is required when creating/updating a consent with status 'active'",
);
pub(crate) const MISSING_FREE_TEXT_FOR_OTHER: VrsError = VrsError::new(
    400,
    "MISSING_FREE_TEXT_FOR_OTHER",
    "invalid",
    "Free text must be provided for OTHER reason codes.",
    "Free text is required when reason code is OTHER.",
);

// PATCH /Consent/{id}

pub(crate) const INVALID_PATCH_FORMAT: VrsError = VrsError::new(
    400,
    "INVALID_PATCH_FORMAT",
    "invalid",
    "Request format is invalid.",
    "Malformed JSON patch document.",
);
/// Its status is set by a switch.
pub(crate) const INVALID_PATCH_PATH: VrsError =
    invalid("INVALID_PATCH_PATH", "Patch target is invalid.", "Patch targeting non-existent element.");
pub(crate) const RESOURCE_NOT_FOUND: VrsError = VrsError::new(
    404,
    "RESOURCE_NOT_FOUND",
    "invalid",
    "Request must be for a existing proxy role.",
    "Proxy role not found.",
);
pub(crate) const DUPLICATE_PATCHES: VrsError = VrsError::new(
    409,
    "DUPLICATE_PATCHES",
    "invalid",
    "Patch operations are duplicated.",
    "Two patch operations target the same path.",
);
pub(crate) const INVALID_STATUS_CODE: VrsError =
    invalid("INVALID_STATUS_CODE", "Status code is invalid.", "Invalid status code.");
pub(crate) const INVALID_STATUS_REASON: VrsError =
    invalid("INVALID_STATUS_REASON", "Status reason is invalid.", "Invalid status reason.");
pub(crate) const INVALID_STATE_TRANSITION: VrsError = invalid(
    "INVALID_STATE_TRANSITION",
    "Status change is invalid.",
    "Patch attempting invalid status change.",
);
pub(crate) const INVALID_LEGAL_BASIS_CODE: VrsError =
    invalid("INVALID_LEGAL_BASIS_CODE", "Legal basis code is invalid.", "Invalid legal basis code.");
pub(crate) const INVALID_END_DATE: VrsError =
    invalid("INVALID_END_DATE", "End date is invalid.", "Invalid end date.");

const fn missing(code: &'static str, diagnostics: &'static str) -> VrsError {
    VrsError::new(400, code, "invalid", "Required values are missing.", diagnostics)
}

const fn invalid(code: &'static str, display: &'static str, diagnostics: &'static str) -> VrsError {
    VrsError::new(422, code, "invalid", display, diagnostics)
}
