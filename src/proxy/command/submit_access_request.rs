//! A person hands in an access request.

use crate::account::Caller;
use crate::audit::{Act, Subject};
use crate::clock::Clock;
use crate::date_time::FhirDateTime;
use crate::error::Error;
use crate::event::Topic;
use crate::ids;
use crate::person::NhsNumber;
use crate::proxy::command::create_role::{CreateRoleError, create_role};
use crate::proxy::{
    AccessRequest, Applicant, Draft, LegalBasis, ReasonCode, ReferenceCode, RoleError, RolePeriod, Rules,
    Status, StatusReason, Versioned,
};
use crate::store::Tx;

/// What is handed in: the fields of [`AccessRequest`] that the applicant gives.
#[derive(Clone)]
#[expect(missing_docs, reason = "the fields are those of AccessRequest")]
pub struct Submission {
    pub applicant: Applicant,
    pub proxy: NhsNumber,
    pub patient: NhsNumber,
    pub authored: FhirDateTime,
    pub questionnaire: String,
    pub document: String,
}

/// Why there is no new access request.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// There is a role for this pair.
    #[error("there is a role for this pair")]
    Duplicate,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Keeps an access request under a new id and a new reference code. With `proposes`, the setting
/// `access_request_creates_role`, it makes a proposed role as well.
///
/// # Errors
///
/// [`SubmitError`]; then nothing has changed.
pub fn submit_access_request(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    submission: Submission,
    proposes: Option<Rules>,
) -> Result<Versioned<AccessRequest>, SubmitError> {
    let now = clock.now();
    if has_visible_role(tx, submission.proxy, submission.patient)? {
        return Err(SubmitError::Duplicate);
    }
    let id = ids::new_uuid(now);
    let mut reference_code = ReferenceCode::draw().map_err(Error::fault)?;
    while tx.has_access_request(id, &reference_code)? {
        reference_code = ReferenceCode::draw().map_err(Error::fault)?;
    }
    if let Some(rules) = proposes {
        propose(tx, clock, caller, &submission, rules)?;
    }
    let Submission { applicant, proxy, patient, authored, questionnaire, document } = submission;
    let status = "completed".to_owned();
    let request = AccessRequest {
        id,
        reference_code,
        status,
        applicant,
        proxy,
        patient,
        authored,
        questionnaire,
        document,
    };
    let request = tx.insert_access_request(request, now)?;
    let subject = Subject { reference: format!("QuestionnaireResponse/{id}"), version: 1, patient, proxy };
    tx.record(Act::AccessRequestSubmitted, caller, &subject, now)?;
    tx.publish(Topic::AccessRequestSubmitted, &subject, now)?;
    Ok(request)
}

/// Whether the pair has a role that may appear in an answer. The applicant can be either of the two, so a
/// role that is hidden with one of its people must not stand in the way: being told of it would be an
/// answer about somebody who may not appear in one. Such a request is taken as one that names somebody
/// whom the registry does not know.
fn has_visible_role(tx: &mut Tx<'_>, proxy: NhsNumber, patient: NhsNumber) -> Result<bool, Error> {
    let visible = tx.list_current_practices(&[proxy, patient])?;
    Ok(visible.len() == 2 && tx.has_role_of_pair(proxy, patient)?)
}

/// Makes the proposed role of an application. An applicant whom the registry does not know is no
/// reason to lose the application: then there is no role.
fn propose(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    submission: &Submission,
    rules: Rules,
) -> Result<(), SubmitError> {
    let reason = StatusReason::new(ReasonCode::ApplicationSubmitted, None).map_err(Error::fault)?;
    let draft = Draft {
        proxy: submission.proxy,
        patient: submission.patient,
        status: Status::Proposed,
        reason,
        legal_basis: LegalBasis::Unknown,
        grantor: None,
        period: RolePeriod::default(),
        created: submission.authored.clone(),
    };
    match create_role(tx, clock, caller, draft, rules) {
        Ok(_)
        | Err(
            CreateRoleError::UnknownPatient
            | CreateRoleError::UnknownProxy
            | CreateRoleError::Rule(RoleError::PatientDied | RoleError::ProxyDied),
        ) => Ok(()),
        Err(CreateRoleError::Duplicate) => Err(SubmitError::Duplicate),
        Err(CreateRoleError::Store(error)) => Err(error.into()),
        Err(CreateRoleError::Rule(rule)) => Err(Error::fault(rule).into()),
    }
}
