//! The seven operations, one per file.

mod create_consent;
mod patch_consent;
mod read_consent;
mod read_questionnaire_response;
mod request;
mod search_consent;
mod search_related_person;
mod submit_questionnaire_response;

pub(crate) use create_consent::create_consent;
pub(crate) use patch_consent::patch_consent;
pub(crate) use read_consent::read_consent;
pub(crate) use read_questionnaire_response::read_questionnaire_response;
pub(crate) use search_consent::search_consent;
pub(crate) use search_related_person::search_related_person;
pub(crate) use submit_questionnaire_response::submit_questionnaire_response;
