//! The owner of a subscription, and its reference in an audit record.

use domain::account::Caller;
use domain::event::Subscription;

/// An owner as a subscription stores it: without the request that created it.
pub(super) fn owner(caller: &Caller) -> Caller {
    Caller { request_id: None, ..caller.clone() }
}

pub(super) fn reference(subscription: &Subscription) -> String {
    format!("Subscription/{}", subscription.id)
}
