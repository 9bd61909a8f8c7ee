//! Submission of an access request by a person.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::proxy::create_role::{CreateRoleError, create_role};
use base::clock::Clock;
use base::date_time::FhirDateTime;
use base::error::Error;
use base::ids;
use domain::account::{Caller, Principal};
use domain::audit::{Act, Subject};
use domain::event::Topic;
use domain::person::NhsNumber;
use domain::proxy::{
    AccessRequest, Applicant, LegalBasis, ReasonCode, ReferenceCode, RoleDraft, RoleError, RolePeriod, Rules,
    Status, StatusReason, Versioned,
};
use store::Tx;

/// A submitted request: the fields of [`AccessRequest`] that the applicant gives.
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

/// The settings of access requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubmissionRules {
    /// With these rules a request also creates a proposed role (`access_request_creates_role`).
    pub proposes: Option<Rules>,
    /// The most open requests of a citizen; 0: no limit.
    pub most_open: i64,
    /// The most of them about one pair.
    pub most_open_of_pair: i64,
}

/// For how long an unanswered request is open.
const OPEN: TimeDelta = TimeDelta::days(28);

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// There is a role for this pair.
    #[error("there is a role for this pair")]
    Duplicate,
    /// The applicant has an open request about this pair already, or too many about others.
    #[error("the applicant has too many open requests")]
    TooManyOpen,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Stores an access request with a new id and a new reference code.
///
/// # Errors
///
/// [`SubmitError`]; then nothing has changed.
pub fn submit_access_request(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    id: Uuid,
    submission: Submission,
    rules: SubmissionRules,
) -> Result<Versioned<AccessRequest>, SubmitError> {
    let now = clock.now();
    if has_visible_role(tx, submission.proxy, submission.patient)? {
        return Err(SubmitError::Duplicate);
    }
    check_open(tx, caller, &submission, rules, now)?;
    let mut reference_code = ReferenceCode::draw().map_err(Error::fault)?;
    while tx.has_access_request(id, &reference_code)? {
        reference_code = ReferenceCode::draw().map_err(Error::fault)?;
    }
    if let Some(rules) = rules.proposes {
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

/// Whether a citizen may submit one more: what they write reaches another person and the staff who must
/// answer it. A request is open while the pair has no role, and for [`OPEN`] at most. The count locks the
/// applicant.
fn check_open(
    tx: &mut Tx<'_>,
    caller: &Caller,
    submission: &Submission,
    rules: SubmissionRules,
    now: DateTime<Utc>,
) -> Result<(), SubmitError> {
    let (Principal::Citizen { .. } | Principal::Proxy { .. }) = &caller.principal else { return Ok(()) };
    if rules.most_open == 0 && rules.most_open_of_pair == 0 {
        return Ok(());
    }
    let Submission { applicant, proxy, patient, .. } = submission;
    let number = match applicant {
        Applicant::Proxy => proxy,
        Applicant::Patient => patient,
    };
    tx.lock_condition(&format!("open access requests of {number}"))?;
    let open = tx.count_open_access_requests((*applicant, *proxy, *patient), now - OPEN)?;
    let is_full = |most: i64, count: i64| most > 0 && count >= most;
    if is_full(rules.most_open, open.all) || is_full(rules.most_open_of_pair, open.of_pair) {
        return Err(SubmitError::TooManyOpen);
    }
    Ok(())
}

/// Whether the pair has a role that may appear in an answer. The applicant can be either of the two, so a
/// role that is hidden with one of its people must not cause a refusal: that would reveal a person who may
/// not appear. Such a request is stored like one that names a person whom the registry does not know.
fn has_visible_role(tx: &mut Tx<'_>, proxy: NhsNumber, patient: NhsNumber) -> Result<bool, Error> {
    let visible = tx.list_current_practices(&[proxy, patient])?;
    Ok(visible.len() == 2 && tx.has_role_of_pair(proxy, patient)?)
}

/// Creates the proposed role of an application. Where the registry does not know the applicant, the
/// application is kept without a role.
fn propose(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    submission: &Submission,
    rules: Rules,
) -> Result<(), SubmitError> {
    let reason = StatusReason::new(ReasonCode::ApplicationSubmitted, None).map_err(Error::fault)?;
    let draft = RoleDraft {
        proxy: submission.proxy,
        patient: submission.patient,
        status: Status::Proposed,
        reason: reason.given_by(caller.principal.user()),
        legal_basis: LegalBasis::Unknown,
        grantor: None,
        period: RolePeriod::default(),
        created: submission.authored.clone(),
    };
    match create_role(tx, clock, caller, ids::new_uuid(clock.now()), draft, rules) {
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
