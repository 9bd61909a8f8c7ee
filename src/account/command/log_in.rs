//! Somebody has proved who they are: which user is that?

use uuid::Uuid;

use crate::account::Proofing;
use crate::account::identity::{Proven, ProvenKind};
use crate::clock::Clock;
use crate::error::Error;
use crate::ids;
use crate::person::NhsNumber;
use crate::store::Tx;

/// A user who has logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// The user.
    pub user: Uuid,
    /// The account in which they may act: their own, where they were proved well enough (P9).
    pub account: Option<NhsNumber>,
}

/// Finds the user of an identity, or makes one; and lets a citizen who was proved well enough act within
/// their own account. An identity by itself grants nothing.
///
/// # Errors
///
/// When the database refuses.
pub fn log_in(tx: &mut Tx<'_>, clock: &dyn Clock, proven: &Proven) -> Result<LoggedIn, Error> {
    let now = clock.now();
    let user = if let Some(user) = tx.find_user_of_identity(&proven.issuer, &proven.subject)? {
        user
    } else {
        let user = ids::new_uuid(now);
        tx.insert_user(user, &proven.issuer, &proven.subject, now)?;
        user
    };
    let account = match &proven.kind {
        ProvenKind::Citizen { nhs_number, vot } if vot.proofing >= Proofing::P9 => *nhs_number,
        ProvenKind::Citizen { .. } | ProvenKind::Staff { .. } => None,
    };
    if let Some(number) = account {
        tx.insert_account_user_if_new(number, user, now)?;
    }
    Ok(LoggedIn { user, account })
}
