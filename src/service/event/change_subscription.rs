//! Update of a subscription by its owner.

use crate::event::create_subscription::SubscribeError;
use crate::event::owner::{owner, reference};
use crate::event::secrets::{open_headers, seal_headers};
use base::clock::Clock;
use base::secret::Vault;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::{Subscription, SubscriptionDraft, SubscriptionSecrets, SubscriptionStatus};
use domain::proxy::Versioned;
use store::Tx;

/// Updates a subscription to a draft. A change of content or channel makes it `requested` again, and so does
/// the owner's request for that status (N-06, N-07): its consumer gets a new handshake. Its events keep their
/// numbers. An update without a change makes no version. `most` is the most subscriptions that an owner may
/// have that are not off.
///
/// # Errors
///
/// [`SubscribeError`]; of the kind [`PreconditionFailed`](base::error::ErrorKind) after a concurrent change.
pub fn change_subscription(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    vault: &Vault,
    caller: &Caller,
    current: Versioned<Subscription>,
    draft: SubscriptionDraft,
    most: i64,
) -> Result<Versioned<Subscription>, SubscribeError> {
    let now = clock.now();
    let Versioned { value: before, version, .. } = current.clone();
    let has_other_headers = open_headers(vault, &before.secrets.headers)? != draft.headers;
    let tells_other = has_other_headers
        || before.criteria != draft.criteria
        || before.filters != draft.filters
        || before.topics != draft.topics
        || (&before.channel.kind, &before.channel.endpoint) != (&draft.channel.kind, &draft.channel.endpoint)
        || (before.channel.payload, before.channel.content) != (draft.channel.payload, draft.channel.content);
    let status = next_status(before.status, draft.asked, tells_other);
    let restarts = status == SubscriptionStatus::Requested
        && (tells_other || draft.asked == SubscriptionStatus::Requested || before.status != status);
    let is_same = !tells_other
        && (status, before.end, &before.channel, &before.document)
            == (before.status, draft.end, &draft.channel, &draft.document);
    if is_same && !(restarts && before.status != SubscriptionStatus::Requested) {
        return Ok(current);
    }
    let was_off = before.status == SubscriptionStatus::Off;
    if was_off && status != SubscriptionStatus::Off && tx.count_subscriptions_of(caller)? >= most {
        return Err(SubscribeError::TooMany);
    }
    let secrets = if has_other_headers {
        SubscriptionSecrets { headers: seal_headers(vault, &draft.headers)?, ..before.secrets }
    } else {
        before.secrets
    };
    let error = if status == SubscriptionStatus::Error { before.error } else { None };
    let changed = draft.into_subscription(before.id, owner(caller), (status, error), secrets);
    let is_called = changed.channel.endpoint.is_some();
    let changed = tx.save_subscription(changed, version, now)?;
    if was_off && status != SubscriptionStatus::Off {
        // Nothing is numbered while it is off, so it starts from the present events.
        tx.begin_hearing(before.id)?;
    }
    if restarts {
        tx.restart_delivery(before.id, is_called.then_some(now))?;
    } else if status == SubscriptionStatus::Off {
        tx.restart_delivery(before.id, None)?;
    }
    tx.record_own(Act::SubscriptionChanged, caller, &reference(&changed.value), changed.version, now);
    Ok(changed)
}

/// The next status of a subscription for the status that its owner sends (N-02, N-06, N-07, N-08). Only the
/// service sets `active` and `error`.
const fn next_status(
    current: SubscriptionStatus,
    asked: SubscriptionStatus,
    tells_other: bool,
) -> SubscriptionStatus {
    use SubscriptionStatus::{Active, Error, Off, Requested};
    match (asked, current) {
        (Off, _) => Off,
        (Active, Active) if !tells_other => Active,
        (Error, Error) if !tells_other => Error,
        (Requested | Active | Error, _) => Requested,
    }
}

#[cfg(test)]
mod tests {
    use super::next_status;
    use domain::event::SubscriptionStatus;
    use domain::event::SubscriptionStatus::{Active, Error, Off, Requested};

    // covers N-02, N-06, N-07, N-08
    #[test]
    fn subscription_owner_sets_requested_or_off_only() {
        for &current in SubscriptionStatus::ALL {
            for &asked in SubscriptionStatus::ALL {
                let expected = match (current, asked) {
                    (_, Off) => Off,
                    (Active, Active) => Active,
                    (Error, Error) => Error,
                    (_, Requested | Active | Error) => Requested,
                };
                assert_eq!(next_status(current, asked, false), expected, "{current:?} {asked:?}");
                let expected = if asked == Off { Off } else { Requested };
                assert_eq!(next_status(current, asked, true), expected, "{current:?} {asked:?}");
            }
        }
    }
}
