//! The owner of a subscription deletes it.

use crate::event::owner::reference;
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::{Subscription, SubscriptionStatus};
use domain::proxy::Versioned;
use store::Tx;

/// Stops a subscription for good. Its versions stay, for its history.
///
/// # Errors
///
/// [`Kind::PreconditionFailed`](base::error::Kind) when another change came first.
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
