//! Prepares the next notification of a subscription, in a read transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::context::WorkerContext;
use super::next_action::{NextAction, next_action};
use super::target::host_of;
use base::date_time::to_millis;
use base::error::{Error, ErrorKind};
use base::ids;
use base::secret::Vault;
use domain::account::{Caller, Lapsed};
use domain::event::{Delivery, Notice, Notification, Numbered, PayloadContent, Subscription, signature};
use domain::proxy::Versioned;
use service::access;
use service::access::NotLive;
use service::event::channel::sender::OutboundMessage;
use service::event::renderer::RenderedNotification;
use service::event::{open_headers, open_signing};
use store::Tx;

/// A prepared notification, and its inputs.
pub(super) struct PreparedNotification {
    pub(super) version: i64,
    pub(super) action: NextAction,
    pub(super) notice: Notice,
    pub(super) host: String,
    pub(super) outbound: OutboundMessage,
    /// Whether it contains personal data.
    pub(super) names_people: bool,
}

/// The result of the preparation.
pub(super) enum PreparedDelivery {
    /// A notification to send.
    Send(Box<PreparedNotification>),
    /// A change to store first.
    RecordFirst,
    /// The subscription cannot be read or its notification cannot be rendered: the reason, for the owner, and
    /// the cause, for the log.
    Quarantine(&'static str, Error),
    /// The subscription does not exist.
    NotFound,
}

const UNREADABLE: &str = service::event::numbering::UNREADABLE;
const UNRENDERABLE: &str =
    "a notification for this subscription cannot be rendered: send the subscription again";
const SEALED: &str =
    "the secrets of this subscription can no longer be decrypted: send the subscription again";

/// Prepares what is due for a subscription now.
pub(super) fn prepare(tx: &mut Tx<'_>, context: &WorkerContext, id: Uuid) -> Result<PreparedDelivery, Error> {
    let (parts, now) = (&context.parts, context.parts.clock.now());
    let found = match tx.find_subscription(id) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::Fault => {
            return Ok(PreparedDelivery::Quarantine(UNREADABLE, error));
        }
        Err(error) => return Err(error),
    };
    let (Some(Versioned { value, version, .. }), Some(delivery)) = (found, tx.find_delivery(id)?) else {
        return Ok(PreparedDelivery::NotFound);
    };
    let revoked = find_revocation(tx, context, &value.owner, now)?;
    let action = next_action(&value, &delivery, revoked, parts.settings.most_events, now);
    let Some(notification) = notify(tx, &value, &delivery, version, &action, now)? else {
        return Ok(PreparedDelivery::RecordFirst);
    };
    let composed = catch_unwind(AssertUnwindSafe(|| parts.renderer.render(tx, &value, &notification)));
    let message =
        match composed.unwrap_or_else(|_panic| Err(Error::fault("rendering a notification panicked"))) {
            Ok(message) => message,
            Err(error) if error.kind() == ErrorKind::Busy => return Err(error),
            Err(error) => return Ok(PreparedDelivery::Quarantine(UNRENDERABLE, error)),
        };
    let headers = match headers(&parts.vault, &value, &message, now) {
        Ok(headers) => headers,
        Err(error) => return Ok(PreparedDelivery::Quarantine(SEALED, error)),
    };
    let endpoint = value.channel.endpoint.clone().unwrap_or_default();
    let timeout = value.channel.timeout.unwrap_or(parts.settings.timeout).min(parts.settings.most_timeout);
    Ok(PreparedDelivery::Send(Box::new(PreparedNotification {
        version,
        action,
        notice: notification.notice,
        host: host_of(&endpoint),
        outbound: OutboundMessage {
            subscription: id,
            kind: value.channel.kind,
            endpoint,
            headers,
            message,
            timeout,
        },
        names_people: value.channel.content != PayloadContent::Empty,
    })))
}

/// Why the owner of a subscription may get no more events (N-34). The expiry of a token or a grant is no
/// reason: it was not revoked.
pub(super) fn find_revocation(
    tx: &mut Tx<'_>,
    context: &WorkerContext,
    owner: &Caller,
    now: DateTime<Utc>,
) -> Result<Option<&'static str>, Error> {
    match access::check_granted(tx, owner, now) {
        Ok(()) => {}
        Err(NotLive::Lapsed(Lapsed::Ended)) => return Ok(Some(GRANT)),
        Err(NotLive::Lapsed(Lapsed::Person)) => return Ok(Some(PERSON)),
        Err(NotLive::Lapsed(Lapsed::Role)) => return Ok(Some(ROLE)),
        Err(NotLive::Store(error)) => return Err(error),
    }
    if let (Some(app), Some(authority)) = (owner.app.as_deref(), &context.parts.authority)
        && authority.registration(app).is_none()
        && tx.find_app(app)?.is_none()
    {
        return Ok(Some(APP));
    }
    Ok(None)
}

const GRANT: &str = "revoked: the grant of the app was revoked";
const PERSON: &str = "revoked: the data of a person of the grant may no longer be disclosed";
const ROLE: &str = "revoked: the proxy role of the owner is not active";
const APP: &str = "revoked: the app is no longer registered";

/// The notification of a step; `None` where nothing is sent.
fn notify(
    tx: &mut Tx<'_>,
    subscription: &Subscription,
    delivery: &Delivery,
    version: i64,
    action: &NextAction,
    now: DateTime<Utc>,
) -> Result<Option<Notification>, Error> {
    let id = subscription.id;
    let millis = |at: Option<DateTime<Utc>>| at.map_or(0, to_millis);
    let (notice, since, salt) = match action {
        NextAction::Handshake => (Notice::Handshake, delivery.last_number, version),
        NextAction::Heartbeat => (Notice::Heartbeat, delivery.last_number, millis(delivery.sent_at)),
        NextAction::Events { first, last, is_resent } => {
            let events: Vec<Numbered> = tx.list_events_of(id, *first, *last, last - first + 1)?;
            let salt = if *is_resent { millis(delivery.succeeded_at) } else { 0 };
            (Notice::Events(events), delivery.sent_number.max(*last), salt)
        }
        NextAction::SetStatus(..) | NextAction::Wait(_) => return Ok(None),
    };
    let numbers = match action {
        NextAction::Events { first, last, .. } => Some((*first, *last)),
        NextAction::Handshake | NextAction::Heartbeat | NextAction::SetStatus(..) | NextAction::Wait(_) => {
            None
        }
    };
    let id = notification_id(id, notice.kind(), numbers, salt);
    let status = subscription.status;
    Ok(Some(Notification { id, at: now, status, events_since_start: since, notice }))
}

/// The id of a notification. A retry, by any process, computes the same id; it is not stored.
fn notification_id(subscription: Uuid, kind: &str, numbers: Option<(i64, i64)>, salt: i64) -> String {
    let (first, last) = numbers.unwrap_or_default();
    ids::uuid_of(&format!("{subscription} {kind} {first} {last} {salt}")).to_string()
}

/// The headers of a notification: the subscriber's own, then those of the signature.
fn headers(
    vault: &Vault,
    subscription: &Subscription,
    message: &RenderedNotification,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String)>, Error> {
    let secrets = &subscription.secrets;
    let mut headers: Vec<(String, String)> = open_headers(vault, &secrets.headers)?
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let former = secrets.former.iter().filter(|(_, until)| now < *until).map(|(secret, _)| secret.as_str());
    let all = std::iter::once(secrets.signing.as_str()).chain(former);
    let keys = all.map(|sealed| open_signing(vault, sealed)).collect::<Result<Vec<String>, Error>>()?;
    headers.extend(signature::sign(&keys, &message.id, now, &message.body).map_err(Error::fault)?);
    Ok(headers)
}
