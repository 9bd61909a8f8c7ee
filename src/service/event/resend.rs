//! The owner of a subscription asks for events to be sent once more.

use base::clock::Clock;
use base::error::Error;
use domain::event::{Subscription, SubscriptionStatus};
use store::Tx;

/// Has these events, by the first and the last number, sent once more, with the numbers that they have (N-16). The
/// request itself is in the audit record as an access.
///
/// # Errors
///
/// When the database refuses.
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
