//! Proxy roles: one person may act for another.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::person::nhs_number::NhsNumber;
use crate::proxy::legal_basis::LegalBasis;
use crate::proxy::ods_code::OdsCode;
use crate::proxy::role_period::{BadEnd, RolePeriod};
use crate::proxy::role_state::{Lifecycle, ReasonCheck, Status, reasons_for, reasons_to_be};
use crate::proxy::status_reason::{ReasonCode, StatusReason};
use base::date_time::FhirDateTime;

/// A proxy role. There is one for each (proxy, patient), whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The identifier of the role, and of the Consent that shows it.
    pub id: Uuid,
    /// The proxy.
    pub proxy: NhsNumber,
    /// The patient.
    pub patient: NhsNumber,
    /// Its status.
    pub status: Status,
    /// The status reason.
    pub reason: StatusReason,
    /// Its legal basis.
    pub legal_basis: LegalBasis,
    /// The organisation that authorised it. An active role has one.
    pub grantor: Option<OdsCode>,
    /// The period in which it holds.
    pub period: RolePeriod,
    /// When the decision was made (`Consent.dateTime`).
    pub created: FhirDateTime,
    /// Whether the grantor should review it: the patient has reached an age at which a review is due.
    pub needs_review: bool,
}

/// A value with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value as it is in this version.
    pub value: T,
    /// 1 for the first version, then counting up.
    pub version: i64,
    /// When this version was written.
    pub updated_at: DateTime<Utc>,
}

/// The rules that are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The state machine.
    pub lifecycle: Lifecycle,
    /// How reasons are checked against transitions.
    pub reasons: ReasonCheck,
}

/// A new role, as a clinical system sends it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of Role")]
pub struct RoleDraft {
    pub proxy: NhsNumber,
    pub patient: NhsNumber,
    pub status: Status,
    pub reason: StatusReason,
    pub legal_basis: LegalBasis,
    pub grantor: Option<OdsCode>,
    pub period: RolePeriod,
    pub created: FhirDateTime,
}

/// A requested change. `None` leaves a field unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleChange {
    /// The new status.
    pub status: Option<Status>,
    /// Its reason.
    pub reason: Option<StatusReason>,
    /// The organisation that authorises it.
    pub grantor: Option<OdsCode>,
    /// The change of the end date.
    pub end: Option<EndChange>,
    /// The new legal basis.
    pub legal_basis: Option<LegalBasis>,
    /// Whether the role has been reviewed and may stay as it is.
    pub reviewed: bool,
}

/// A change of a role's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndChange {
    /// The role ends then.
    Set(FhirDateTime),
    /// The role has no end.
    Clear,
}

/// The rule that a draft or a change breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// Proxy and patient are the same person.
    #[error("the proxy and the patient must be two people")]
    OwnProxy,
    /// The state machine has no such transition, or the status is the same and nothing changes.
    #[error("this change of status is not allowed")]
    InvalidTransition,
    /// A change of status needs a reason.
    #[error("a change of status needs a reason")]
    MissingReason,
    /// The reason does not explain this transition.
    #[error("this reason does not fit this change of status")]
    ReasonNotAllowed,
    /// A role becomes active only with a grantor, named in the same request.
    #[error("a role becomes active only with a grantor")]
    MissingGrantor,
    /// The end is not valid.
    #[error(transparent)]
    End(#[from] BadEnd),
    /// The patient has died, which ends every role.
    #[error("the patient has died")]
    PatientDied,
    /// The proxy has died.
    #[error("the proxy has died")]
    ProxyDied,
}

impl Role {
    /// Makes a role from a draft.
    ///
    /// # Errors
    ///
    /// [`RoleError`], the first rule that the draft breaks, in the order of contract §2.3.
    pub fn create(id: Uuid, draft: RoleDraft, rules: Rules, now: DateTime<Utc>) -> Result<Self, RoleError> {
        if draft.proxy == draft.patient {
            return Err(RoleError::OwnProxy);
        }
        draft.period.check_end(now)?;
        if draft.status == Status::Active && draft.grantor.is_none() {
            return Err(RoleError::MissingGrantor);
        }
        let allowed = reasons_for(None, draft.status, rules.lifecycle).ok_or(RoleError::InvalidTransition)?;
        fits(draft.reason.code(), allowed, rules)?;
        Ok(Self::drafted(id, draft))
    }

    /// The role that a draft describes, not validated.
    pub fn drafted(id: Uuid, draft: RoleDraft) -> Self {
        Self {
            id,
            proxy: draft.proxy,
            patient: draft.patient,
            status: draft.status,
            reason: draft.reason,
            legal_basis: draft.legal_basis,
            grantor: draft.grantor,
            period: draft.period,
            created: draft.created,
            needs_review: false,
        }
    }

    /// Validates a role that has a past in another system: whether a clinical system could have brought it to
    /// its status, step by step. A role that is not active may have a past end.
    ///
    /// # Errors
    ///
    /// [`RoleError`], the first rule broken, in the order of [`Role::create`].
    pub fn check_past(&self, rules: Rules, now: DateTime<Utc>) -> Result<(), RoleError> {
        if self.proxy == self.patient {
            return Err(RoleError::OwnProxy);
        }
        match self.period.check_end(now) {
            Err(BadEnd::Passed) if self.status != Status::Active => {}
            checked => checked?,
        }
        if self.status == Status::Active && self.grantor.is_none() {
            return Err(RoleError::MissingGrantor);
        }
        match reasons_to_be(self.status, rules.lifecycle).as_slice() {
            [] => Err(RoleError::InvalidTransition),
            allowed => fits(self.reason.code(), allowed, rules),
        }
    }

    /// Whether two roles are equal apart from their id and review mark.
    pub fn says_what(&self, other: &Self) -> bool {
        let as_other = Self { id: other.id, needs_review: other.needs_review, ..self.clone() };
        as_other == *other
    }

    /// The role as it counts at `now`: one whose end has passed is inactive, even before the job has moved
    /// it.
    #[must_use]
    pub fn as_of(mut self, now: DateTime<Utc>) -> Self {
        if self.has_lapsed(now) {
            self.status = Status::Inactive;
            self.reason = StatusReason::END_DATE_REACHED;
            self.needs_review = false;
        }
        self
    }

    /// The role after the service itself has ended it; `None` where it is not active.
    #[must_use]
    pub fn ended(&self, reason: StatusReason) -> Option<Self> {
        (self.status == Status::Active).then(|| Self {
            status: Status::Inactive,
            reason,
            needs_review: false,
            ..self.clone()
        })
    }

    /// Whether the role gives access, or may come to do so by itself: a death ends such a role.
    pub const fn is_in_force(&self) -> bool {
        match self.status {
            Status::Active | Status::Proposed => true,
            Status::Inactive | Status::Rejected | Status::EnteredInError => false,
        }
    }

    /// Whether the proxy may act by this role at `now`.
    pub fn is_active_at(&self, now: DateTime<Utc>) -> bool {
        let has_begun = self.period.start.as_ref().is_none_or(|start| start.earliest() <= now);
        self.status == Status::Active && has_begun && !self.period.has_ended(now)
    }

    /// Whether the role's status is still active though its end has passed.
    pub fn has_lapsed(&self, now: DateTime<Utc>) -> bool {
        self.status == Status::Active && self.period.has_ended(now)
    }

    /// Checks the part of a change that concerns status, reason and grantor.
    ///
    /// # Errors
    ///
    /// [`RoleError`], the first rule broken: reason present, grantor present (when the role becomes
    /// active), transition exists, reason fits it.
    pub fn check_status_change(&self, change: &RoleChange, rules: Rules) -> Result<(), RoleError> {
        if change.status.is_some() && change.reason.is_none() {
            return Err(RoleError::MissingReason);
        }
        let reason = change.reason.as_ref().map_or(self.reason.code(), StatusReason::code);
        match change.status.filter(|target| *target != self.status) {
            Some(target) => {
                if target == Status::Active && change.grantor.is_none() {
                    return Err(RoleError::MissingGrantor);
                }
                let allowed = reasons_for(Some(self.status), target, rules.lifecycle)
                    .ok_or(RoleError::InvalidTransition)?;
                fits(reason, allowed, rules)
            }
            None if self.edits(change) && self.status != Status::Active => Err(RoleError::InvalidTransition),
            None if change.status.is_some() && !self.edits(change) => Err(RoleError::InvalidTransition),
            // The status stays, so only a reason that explained it before fits.
            None => fits(reason, &[self.reason.code()], rules),
        }
    }

    /// Whether a change sets more than status and reason.
    fn edits(&self, change: &RoleChange) -> bool {
        let end = match &change.end {
            Some(EndChange::Set(end)) => self.period.end.as_ref() != Some(end),
            Some(EndChange::Clear) => self.period.end.is_some(),
            None => false,
        };
        end || change.legal_basis.is_some_and(|basis| basis != self.legal_basis)
            || change.grantor.as_ref().is_some_and(|grantor| self.grantor.as_ref() != Some(grantor))
    }

    /// The role after a change, or an equal one if the change sets nothing new.
    ///
    /// # Errors
    ///
    /// [`RoleError`], the first rule that the change breaks, in the order of contract §2.3.
    pub fn changed(&self, change: RoleChange, rules: Rules, now: DateTime<Utc>) -> Result<Self, RoleError> {
        self.check_status_change(&change, rules)?;
        let mut role = self.clone();
        role.status = change.status.unwrap_or(self.status);
        role.reason = change.reason.unwrap_or(role.reason);
        role.legal_basis = change.legal_basis.unwrap_or(role.legal_basis);
        role.grantor = change.grantor.or(role.grantor);
        match change.end {
            Some(EndChange::Set(end)) => {
                role.period.end = Some(end);
                role.period.check_end(now)?;
            }
            Some(EndChange::Clear) => role.period.end = None,
            None => {}
        }
        // Any change counts as a review.
        role.needs_review = self.needs_review && !change.reviewed && role == *self;
        if role.status == Status::Active && self.status != Status::Active {
            role.period.check_end(now)?;
        }
        Ok(role)
    }
}

fn fits(reason: ReasonCode, allowed: &[ReasonCode], rules: Rules) -> Result<(), RoleError> {
    match rules.reasons {
        ReasonCheck::KnownCode => Ok(()),
        ReasonCheck::ByTransition if allowed.contains(&reason) => Ok(()),
        ReasonCheck::ByTransition => Err(RoleError::ReasonNotAllowed),
    }
}
