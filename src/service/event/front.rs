//! What delivery asks of the front in whose terms people subscribe.

use base::error::Error;
use domain::event::{Event, Notification, Subscription};
use store::Tx;

/// A notification as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The id of the notification: the same at every attempt.
    pub id: String,
    /// The media type of the body; none where nothing but the call is sent.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

/// The front in whose terms people subscribe.
pub trait Front: Send + Sync {
    /// Which of these events may be told to the owner of a subscription now, by what the owner may read at this
    /// moment (that their grant still holds was checked before), and match what only the front can judge: the search of a classic subscription, and scopes with
    /// constraints. In the order of the events. A fixed number of statements, however many events there are.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    fn may_hear(
        &self,
        tx: &mut Tx<'_>,
        subscription: &Subscription,
        events: &[Event],
    ) -> Result<Vec<bool>, Error>;

    /// Everything by which [`Front::may_hear`] decides for a subscription, as a text: two with the same text have the same
    /// answers. `None` where it cannot say no for events that the owner is a party to or sees by their kind, so that
    /// it need not be asked.
    fn question(&self, subscription: &Subscription) -> Option<String>;

    /// Whether reasons are masked for citizens: then their subscriptions are judged by what they are shown.
    fn masks_reasons(&self) -> bool;

    /// Writes a notification down as its subscriber wants it. Of what the owner may not read any more, nothing
    /// but the number is told (N-33). That the owner's grant still holds was checked before.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    fn compose(
        &self,
        tx: &mut Tx<'_>,
        subscription: &Subscription,
        notification: &Notification,
    ) -> Result<Message, Error>;
}
