//! Linking of a second identity to a user.

use crate::account::log_in::{LogInError, LoggedIn, check_standing, log_in, proven_number};
use base::clock::Clock;
use base::error::Error;
use domain::account::identity::Proven;
use store::Tx;

/// Why the second identity is not linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The first identity does not log in.
    #[error(transparent)]
    LogIn(#[from] LogInError),
    /// The identity is another user's.
    #[error("the identity is another user's")]
    Taken,
    /// The identities are proved to be of different people.
    #[error("the identities are of different people")]
    DifferentPeople,
}

impl From<Error> for LinkError {
    fn from(error: Error) -> Self {
        Self::LogIn(error.into())
    }
}

/// Links a second identity to the user of the first. Both must have been authenticated in the same session:
/// that is why this takes two proofs and no user id. Identities already linked stay.
///
/// # Errors
///
/// [`LinkError`]; then the transaction must be rolled back.
pub fn link_identity(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    first: &Proven,
    second: &Proven,
) -> Result<LoggedIn, LinkError> {
    let (one, other) = (proven_number(first), proven_number(second));
    if one.zip(other).is_some_and(|(one, other)| one != other) {
        return Err(LinkError::DifferentPeople);
    }
    let logged_in = log_in(tx, clock, first)?;
    check_standing(tx, other)?;
    let now = clock.now();
    if !tx.link_identity(logged_in.user, &second.issuer, &second.subject, now)?
        && tx.find_user_by_identity(&second.issuer, &second.subject)? != Some(logged_in.user)
    {
        return Err(LinkError::Taken);
    }
    if let Some(number) = other {
        tx.join_account(number, logged_in.user, now)?;
    }
    Ok(LoggedIn { account: logged_in.account.or(other), ..logged_in })
}
