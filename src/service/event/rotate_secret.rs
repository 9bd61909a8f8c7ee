//! Rotation of a subscription's signing secret.

use chrono::TimeDelta;

use crate::event::secrets::{draw_signing, seal_signing};
use base::clock::Clock;
use base::error::Error;
use base::secret::Vault;
use domain::event::{Subscription, SubscriptionSecrets};
use store::Tx;

/// Draws a new secret and returns it in the owner's form. The previous one also signs for as long as
/// `former`, so that no delivery fails meanwhile. The request itself is in the audit record as an access.
///
/// # Errors
///
/// Database errors.
pub fn rotate_secret(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    vault: &Vault,
    subscription: Subscription,
    former: TimeDelta,
) -> Result<(String, Subscription), Error> {
    let secret = draw_signing()?;
    let SubscriptionSecrets { headers, signing, .. } = subscription.secrets;
    let secrets = SubscriptionSecrets {
        headers,
        signing: seal_signing(vault, &secret)?,
        former: Some((signing, clock.now() + former)),
    };
    let subscription = Subscription { secrets, ..subscription };
    tx.save_signing_secrets(&subscription)?;
    Ok((secret, subscription))
}
