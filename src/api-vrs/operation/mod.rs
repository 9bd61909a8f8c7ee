//! The seven operations, one per file.

mod create_consent;
mod patch_consent;
mod read_consent;
mod read_questionnaire_response;
mod request;
mod search_consent;
mod search_related_person;
mod submit_questionnaire_response;

pub(crate) use create_consent::{OPERATION as CREATE_CONSENT, create_consent};
pub(crate) use patch_consent::{OPERATION as PATCH_CONSENT, patch_consent};
pub(crate) use read_consent::{OPERATION as READ_CONSENT, read_consent};
pub(crate) use read_questionnaire_response::{
    OPERATION as READ_QUESTIONNAIRE_RESPONSE, read_questionnaire_response,
};
pub(crate) use search_consent::{OPERATION as SEARCH_CONSENT, search_consent};
pub(crate) use search_related_person::{OPERATION as SEARCH_RELATED_PERSON, search_related_person};
pub(crate) use submit_questionnaire_response::{
    OPERATION as SUBMIT_QUESTIONNAIRE_RESPONSE, submit_questionnaire_response,
};
