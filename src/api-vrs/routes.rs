//! Every route of this API, as data. A row says all there is to know of an operation: its methods and its path, what it asks
//! of its caller, and what carries it out. Dispatch, `Allow` and the OpenAPI file are derived from the rows.

use actix_web::Route;
use actix_web::http::Method;

use crate::gateway::OperationRequirements;
use crate::settings::BASE_PATH;
use crate::{health, operation};

/// What stands before the path of FHIR, and before those of health.
pub(crate) const ROOT: &str = "/validated-relationships";

/// What a request of a row needs before it is dispatched.
pub(crate) enum Access {
    /// An operation of the contract: its caller must be authenticated.
    Operation(OperationRequirements),
    /// A health endpoint, without a token.
    Health,
}

/// A row.
pub(crate) struct Row {
    /// The `operationId` of the OpenAPI file.
    pub(crate) id: &'static str,
    /// The methods.
    pub(crate) methods: &'static [Method],
    /// The path, below [`BASE_PATH`] or, for health, below [`ROOT`].
    pub(crate) path: &'static str,
    /// What it asks of its caller.
    pub(crate) access: Access,
    /// What carries it out.
    pub(crate) to: fn(Route) -> Route,
}

const GET: &[Method] = &[Method::GET];
/// Of what needs no caller.
const READ: &[Method] = &[Method::GET, Method::HEAD];
const POST: &[Method] = &[Method::POST];
const PATCH: &[Method] = &[Method::PATCH];

use Access::{Health, Operation as Of};

/// The table: the id, the methods and the path, what it asks of its caller, and what carries it out.
#[rustfmt::skip]
pub(crate) static ROUTES: &[Row] = &[
    row("searchConsent", (GET, "/Consent"), Of(operation::SEARCH_CONSENT), |route| route.to(operation::search_consent)),
    row("createConsent", (POST, "/Consent"), Of(operation::CREATE_CONSENT), |route| route.to(operation::create_consent)),
    row("readConsent", (GET, "/Consent/{id}"), Of(operation::READ_CONSENT), |route| route.to(operation::read_consent)),
    row("patchConsent", (PATCH, "/Consent/{id}"), Of(operation::PATCH_CONSENT), |route| route.to(operation::patch_consent)),
    row("searchRelatedPerson", (GET, "/RelatedPerson"), Of(operation::SEARCH_RELATED_PERSON),
        |route| route.to(operation::search_related_person)),
    row("submitQuestionnaireResponse", (POST, "/QuestionnaireResponse"), Of(operation::SUBMIT_QUESTIONNAIRE_RESPONSE),
        |route| route.to(operation::submit_questionnaire_response)),
    row("readQuestionnaireResponse", (GET, "/QuestionnaireResponse/{id}"), Of(operation::READ_QUESTIONNAIRE_RESPONSE),
        |route| route.to(operation::read_questionnaire_response)),
    row("ping", (READ, "/_ping"), Health, |route| route.to(health::ping)),
    row("status", (READ, "/_status"), Health, |route| route.to(health::status)),
];

const fn row(
    id: &'static str,
    (methods, path): (&'static [Method], &'static str),
    access: Access,
    to: fn(Route) -> Route,
) -> Row {
    Row { id, methods, path, access, to }
}

impl Row {
    /// The whole path.
    pub(crate) fn whole_path(&self) -> String {
        let base = match self.access {
            Access::Operation(_) => BASE_PATH,
            Access::Health => ROOT,
        };
        format!("{base}{}", self.path)
    }
}
