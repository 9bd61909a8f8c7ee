//! Log-in: finds the user of an identity that a provider has authenticated.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use base::clock::Clock;
use base::error::Error;
use base::ids;
use domain::account::Proofing;
use domain::account::identity::{Proven, ProvenKind};
use domain::person::{NhsNumber, PersonOperation, Verdict, decide_person};
use store::Tx;

/// A logged-in user. It says who, not what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// The user.
    pub user: Uuid,
    /// The account whose NHS number the identity proves to be the user's; none below P9, and none for staff.
    pub account: Option<NhsNumber>,
}

/// Why a log-in is refused.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// The person may not appear, has died, or is not known to the registry.
    #[error("the person is not current")]
    NotCurrent,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Logs a person in: finds or creates the user, keeps the identity, and makes the user a member of the
/// account of the proved NHS number. An identity by itself grants nothing (domain: accounts).
///
/// # Errors
///
/// [`LogInError`]; then nothing has changed.
pub fn log_in(tx: &mut Tx<'_>, clock: &dyn Clock, proven: &Proven) -> Result<LoggedIn, LogInError> {
    let now = clock.now();
    let account = proven_number(proven);
    check_standing(tx, account)?;
    let user = find_or_make_user(tx, proven, now)?;
    if let Some(number) = account {
        tx.join_account(number, user, now)?;
        if let Some(email) = &proven.email {
            tx.save_address(user, email.as_str(), now)?;
        }
    }
    Ok(LoggedIn { user, account })
}

/// The NHS number that an identity proves to be the person's own: at P9, not below.
pub(super) fn proven_number(proven: &Proven) -> Option<NhsNumber> {
    match &proven.kind {
        ProvenKind::Citizen { nhs_number, vot } => nhs_number.filter(|_| vot.proofing >= Proofing::P9),
        ProvenKind::Staff { .. } => None,
    }
}

/// Whether the person may log in at all.
pub(super) fn check_standing(tx: &mut Tx<'_>, number: Option<NhsNumber>) -> Result<(), LogInError> {
    match number {
        Some(number) if !may_log_in(tx, number)? => Err(LogInError::NotCurrent),
        Some(_) | None => Ok(()),
    }
}

/// Whether a person of this number may log in: one who may appear and has not died.
pub(super) fn may_log_in(tx: &mut Tx<'_>, number: NhsNumber) -> Result<bool, Error> {
    let states = tx.list_person_states(&[number])?;
    Ok(states.iter().any(|(_, state)| decide_person(*state, PersonOperation::LogIn) == Verdict::Allowed))
}

/// The user with this subject at this issuer, created where there is none.
pub(super) fn find_or_make_user(tx: &mut Tx<'_>, proven: &Proven, now: DateTime<Utc>) -> Result<Uuid, Error> {
    if let Some(user) = tx.find_user_by_identity(&proven.issuer, &proven.subject)? {
        return Ok(user);
    }
    let user = ids::new_uuid(now);
    tx.insert_user(user, now)?;
    if tx.link_identity(user, &proven.issuer, &proven.subject, now)? {
        return Ok(user);
    }
    // A concurrent log-in of the same identity created the user first: it is used.
    tx.remove_new_user(user)?;
    let faster = tx.find_user_by_identity(&proven.issuer, &proven.subject)?;
    faster.ok_or_else(|| Error::busy("an identity came and went"))
}
