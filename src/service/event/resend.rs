//! Redelivery of events, requested by the owner of a subscription.

use base::clock::Clock;
use base::error::Error;
use domain::event::{Subscription, SubscriptionStatus};
use store::Tx;

/// Schedules these events, by the first and the last number, for redelivery with their numbers (N-16). The
/// request itself is in the audit record as an access.
///
/// # Errors
///
/// Database errors.
pub fn resend(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    subscription: &Subscription,
    numbers: (i64, i64),
) -> Result<(), Error> {
    let is_sent =
        subscription.status == SubscriptionStatus::Active && subscription.channel.endpoint.is_some();
    tx.ask_to_resend(subscription.id, numbers, is_sent.then(|| clock.now()))
}
