//! Deletion of a subscription by its owner.

use crate::event::owner::reference;
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::{Subscription, SubscriptionStatus};
use domain::proxy::Versioned;
use store::Tx;

/// Deletes a subscription. Its versions stay, for its history.
///
/// # Errors
///
/// [`ErrorKind::PreconditionFailed`](base::error::ErrorKind) after a concurrent change.
pub fn delete_subscription(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    current: Versioned<Subscription>,
) -> Result<(), Error> {
    let now = clock.now();
    let Versioned { value, version, .. } = current;
    let deleted = Subscription { is_deleted: true, status: SubscriptionStatus::Off, ..value };
    let deleted = tx.save_subscription(deleted, version, now)?;
    tx.restart_delivery(deleted.value.id, None)?;
    tx.record_own(Act::SubscriptionDeleted, caller, &reference(&deleted.value), deleted.version, now);
    Ok(())
}
