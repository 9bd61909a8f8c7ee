//! Changes of a subscription's status by the service.

use chrono::{DateTime, Utc};

use crate::event::owner::reference;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::{Subscription, SubscriptionStatus};
use domain::proxy::Versioned;
use store::Tx;

/// A status, and the error text of [`SubscriptionStatus::Error`].
pub type Next = (SubscriptionStatus, Option<String>);

/// Sets a subscription's status, as a new version, with its audit record.
///
/// # Errors
///
/// [`ErrorKind::PreconditionFailed`](base::error::ErrorKind) after a concurrent change.
pub fn give_status(
    tx: &mut Tx<'_>,
    current: Versioned<Subscription>,
    (status, why): Next,
    now: DateTime<Utc>,
) -> Result<Versioned<Subscription>, Error> {
    let Versioned { value, version, .. } = current;
    let next = tx.save_subscription(Subscription { status, error: why, ..value }, version, now)?;
    tx.record_own(Act::SubscriptionChanged, &Caller::SERVICE, &reference(&next.value), next.version, now);
    Ok(next)
}
