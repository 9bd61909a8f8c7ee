//! The interface of an API that clients create subscriptions with.

use base::error::Error;
use domain::event::{Event, Notification, Subscription};
use store::Tx;

/// A notification in its wire format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedNotification {
    /// The id of the notification: the same at every attempt.
    pub id: String,
    /// The media type of the body; none for a call without a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

/// An API that clients create subscriptions with.
pub trait NotificationRenderer: Send + Sync {
    /// The events of these that the owner of a subscription may receive now, by what the owner may read at
    /// this moment (that their grant still holds was checked before), and that match what only this API can
    /// evaluate: the search of a classic subscription, and scopes with constraints. In the order of the
    /// events. A fixed number of statements, whatever the number of events.
    ///
    /// # Errors
    ///
    /// Database errors.
    fn authorize_events(
        &self,
        tx: &mut Tx<'_>,
        subscription: &Subscription,
        events: &[Event],
    ) -> Result<Vec<bool>, Error>;

    /// Everything on which [`NotificationRenderer::authorize_events`] depends for a subscription, as a text: subscriptions with the
    /// same text have the same answers. `None` where the answer is always yes for events that the owner is a
    /// party to or sees by their kind, so that the check can be skipped.
    fn authorization_key(&self, subscription: &Subscription) -> Option<String>;

    /// Whether reasons are masked for citizens: then their subscriptions are evaluated with the masked
    /// reasons.
    fn masks_reasons(&self) -> bool;

    /// Renders a notification for its subscriber. Of events that the owner may no longer read, only the
    /// number is included (N-33). That the owner's grant still holds was checked before.
    ///
    /// # Errors
    ///
    /// Database errors.
    fn render(
        &self,
        tx: &mut Tx<'_>,
        subscription: &Subscription,
        notification: &Notification,
    ) -> Result<RenderedNotification, Error>;
}
