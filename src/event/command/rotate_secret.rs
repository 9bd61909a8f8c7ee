//! The owner of a subscription gets another secret.

use chrono::TimeDelta;

use crate::clock::Clock;
use crate::error::Error;
use crate::event::command::{draw_signing, seal_signing};
use crate::event::{Secrets, Subscription};
use crate::secret::Vault;
use crate::store::Tx;

/// Draws a new secret and returns it, as its owner is to know it. The one before signs beside it for as long as
/// `former`, so that no delivery fails meanwhile. The request itself is in the audit record as an access.
///
/// # Errors
///
/// When the database refuses.
pub fn rotate_secret(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    vault: &Vault,
    subscription: Subscription,
    former: TimeDelta,
) -> Result<(String, Subscription), Error> {
    let secret = draw_signing()?;
    let Secrets { headers, signing, .. } = subscription.secrets;
    let secrets = Secrets {
        headers,
        signing: seal_signing(vault, &secret)?,
        former: Some((signing, clock.now() + former)),
    };
    let subscription = Subscription { secrets, ..subscription };
    tx.save_signing_secrets(&subscription)?;
    Ok((secret, subscription))
}
