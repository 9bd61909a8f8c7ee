//! Whose a subscription is, and how an audit record names it.

use domain::account::Caller;
use domain::event::Subscription;

/// An owner as a subscription keeps them: the request by which it was made is over.
pub(super) fn owner(caller: &Caller) -> Caller {
    Caller { request_id: None, ..caller.clone() }
}

pub(super) fn reference(subscription: &Subscription) -> String {
    format!("Subscription/{}", subscription.id)
}
