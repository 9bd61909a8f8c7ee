//! Binding of a consumer's WebSocket to subscriptions.

use uuid::Uuid;

use crate::access;
use crate::event::binding_token::take_binding;
use crate::event::give_status::give_status;
use crate::event::owner::owner;
use crate::event::renderer::NotificationRenderer;
use base::clock::Clock;
use base::error::Error;
use base::ids;
use domain::account::Caller;
use domain::event::{ChannelType, Notice, Notification, Style, Subscription, SubscriptionStatus, owner_key};
use domain::proxy::Versioned;
use store::Tx;

/// A subscription that a WebSocket is bound to, with its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its id.
    pub subscription: Uuid,
    /// The handshake.
    pub greeting: String,
}

/// Redeems a binding token (N-15, N-30): its subscriptions whose grants still hold get a handshake, and
/// become active. `None` for a token that is not valid.
///
/// # Errors
///
/// Database errors.
pub fn open_socket(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    renderer: &dyn NotificationRenderer,
    token: &str,
) -> Result<Option<Vec<Opened>>, Error> {
    let Some((key, ids)) = take_binding(tx, clock, token)? else { return Ok(None) };
    let mut opened = Vec::new();
    for id in ids {
        let found = tx.find_subscription(id)?.filter(|found| is_open_to(&found.value, &key));
        let Some(found) = found else { continue };
        if let Err(not_live) = access::check_granted(tx, &found.value.owner, clock.now()) {
            tracing::info!(subscription = %id, %not_live, "a WebSocket is not bound");
            continue;
        }
        let events_since_start = tx.find_delivery(id)?.map_or(0, |delivery| delivery.last_number);
        let notification = Notification {
            id: ids::new_uuid(clock.now()).to_string(),
            at: clock.now(),
            status: found.value.status,
            events_since_start,
            notice: Notice::Handshake,
        };
        let message = renderer.render(tx, &found.value, &notification)?;
        activate(tx, clock, found)?;
        opened
            .push(Opened { subscription: id, greeting: String::from_utf8_lossy(&message.body).into_owned() });
    }
    Ok(Some(opened))
}

/// Binds a WebSocket to a subscription of R4's own style by its id, for its authenticated owner.
///
/// # Errors
///
/// Database errors.
pub fn open_classic_socket(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    id: Uuid,
) -> Result<Option<Opened>, Error> {
    let key = owner_key(&owner(caller));
    let found = tx.find_subscription(id)?;
    let found = found.filter(|found| is_open_to(&found.value, &key) && found.value.style == Style::Classic);
    let Some(found) = found else { return Ok(None) };
    activate(tx, clock, found)?;
    Ok(Some(Opened { subscription: id, greeting: format!("bound {id}") }))
}

fn is_open_to(subscription: &Subscription, key: &str) -> bool {
    let is_told = matches!(subscription.status, SubscriptionStatus::Requested | SubscriptionStatus::Active);
    is_told
        && !subscription.is_deleted
        && subscription.channel.kind == ChannelType::WebSocket
        && owner_key(&subscription.owner) == key
}

/// A connected consumer counts as having answered the handshake.
fn activate(tx: &mut Tx<'_>, clock: &dyn Clock, found: Versioned<Subscription>) -> Result<(), Error> {
    if found.value.status != SubscriptionStatus::Requested {
        return Ok(());
    }
    give_status(tx, found, (SubscriptionStatus::Active, None), clock.now()).map(drop)
}
