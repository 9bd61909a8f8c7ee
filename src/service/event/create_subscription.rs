//! Creation of a subscription.

use uuid::Uuid;

use crate::event::owner::{owner, reference};
use crate::event::secrets::seal;
use base::clock::Clock;
use base::error::Error;
use base::secret::Vault;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::{Subscription, SubscriptionDraft, SubscriptionStatus};
use domain::proxy::Versioned;
use store::Tx;

/// Why a subscription is not created.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The owner has the most subscriptions allowed.
    #[error("the owner has too many subscriptions")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Creates a subscription of this caller. Unless `off` is requested its status is `requested` (N-01): its
/// consumer gets a handshake at once, and nothing else before it has answered. `most` is the most that an
/// owner may have.
///
/// # Errors
///
/// [`SubscribeError`]; then nothing has changed.
pub fn create_subscription(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    vault: &Vault,
    caller: &Caller,
    id: Uuid,
    draft: SubscriptionDraft,
    most: i64,
) -> Result<Versioned<Subscription>, SubscribeError> {
    let now = clock.now();
    let is_off = draft.asked == SubscriptionStatus::Off;
    if !is_off && tx.count_subscriptions_of(caller)? >= most {
        return Err(SubscribeError::TooMany);
    }
    let secrets = seal(vault, &draft.headers)?;
    let status = if is_off { SubscriptionStatus::Off } else { SubscriptionStatus::Requested };
    let subscription = draft.into_subscription(id, owner(caller), (status, None), secrets);
    let is_called = !is_off && subscription.channel.endpoint.is_some();
    let created = tx.insert_subscription(subscription, is_called.then_some(now), now)?;
    tx.record_own(Act::SubscriptionCreated, caller, &reference(&created.value), created.version, now);
    Ok(created)
}
