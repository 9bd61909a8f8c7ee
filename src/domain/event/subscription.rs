//! Somebody who wants to hear of events.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::account::caller::{Caller, Who};
use crate::event::filter::Filter;
use crate::event::topic::Topic;
use crate::person::nhs_number::NhsNumber;

/// In which of the three ways a subscription was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// By topic: Subscriptions R5 Backport 1.1 for R4.
    Backport,
    /// By a search, as FHIR R4 itself has it.
    Classic,
    /// By event type, as the national event service has it (contract §7).
    National,
}

/// Where a subscription stands (FHIR `subscription-status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// Its consumer has not answered the handshake yet. Events are numbered, none is sent.
    Requested,
    /// Events are sent.
    Active,
    /// Its consumer could not be reached. Events are numbered and kept; the owner sets it going again.
    Error,
    /// Nothing is numbered and nothing is sent.
    Off,
}

/// By which way its consumer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelType {
    /// An HTTP POST to an endpoint.
    RestHook,
    /// Over a WebSocket that the consumer opens.
    WebSocket,
    /// To a message broker.
    Message,
}

/// What kind of document is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// FHIR as JSON.
    FhirJson,
    /// FHIR as XML.
    FhirXml,
    /// The `CloudEvent` of contract §7, as JSON.
    CloudEvent,
}

/// How much of what an event is about is sent (`backport-payload-content`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// That something happened, and nothing else.
    Empty,
    /// To what.
    IdOnly,
    /// And the resource itself.
    FullResource,
}

/// How its consumer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// By which way.
    pub kind: ChannelType,
    /// Where: a URL; none where the consumer comes by itself.
    pub endpoint: Option<String>,
    /// What kind of document; none for a bare call (R4's own way).
    pub payload: Option<Payload>,
    /// How much is said.
    pub content: Content,
    /// After how long without a notification one is sent all the same.
    pub heartbeat: Option<TimeDelta>,
    /// How long an attempt may take.
    pub timeout: Option<TimeDelta>,
    /// The most events of one notification.
    pub max_count: Option<i64>,
}

/// What a client asks for, judged.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of Subscription")]
pub struct Draft {
    pub style: Style,
    pub topics: Vec<Topic>,
    pub criteria: String,
    pub filters: Vec<Filter>,
    pub channel: Channel,
    /// The lines of `Subscription.channel.header`.
    pub headers: Vec<String>,
    pub end: Option<DateTime<Utc>>,
    pub document: String,
    /// What the client wants it to be: `off`, or one of the others (N-02).
    pub asked: SubscriptionStatus,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Which.
    pub id: Uuid,
    /// Whose: all that is needed to judge again what they may see.
    pub owner: Caller,
    /// Asked for in which way.
    pub style: Style,
    /// Events of these kinds.
    pub topics: Vec<Topic>,
    /// `Subscription.criteria` as it was written.
    pub criteria: String,
    /// For which all of these hold.
    pub filters: Vec<Filter>,
    /// How it is told.
    pub channel: Channel,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// Why that is [`SubscriptionStatus::Error`].
    pub error: Option<String>,
    /// When it ends by itself.
    pub end: Option<DateTime<Utc>>,
    /// The resource as JSON, without what stands in other fields.
    pub document: String,
    /// Deleted by its owner.
    pub is_deleted: bool,
    /// What nobody else may read.
    pub secrets: Secrets,
}

/// What is encrypted wherever it is kept (`base::secret::Vault`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// The lines of `Subscription.channel.header`, as a JSON array.
    pub headers: String,
    /// With which deliveries are signed.
    pub signing: String,
    /// With which they were signed before, and until when that signs as well.
    pub former: Option<(String, DateTime<Utc>)>,
}

impl Draft {
    /// The subscription that is asked for, of this owner, where it stands now, and with these secrets.
    pub fn into_subscription(
        self,
        id: Uuid,
        owner: Caller,
        (status, error): (SubscriptionStatus, Option<String>),
        secrets: Secrets,
    ) -> Subscription {
        let Self { style, topics, criteria, filters, channel, headers: _, end, document, asked: _ } = self;
        Subscription {
            id,
            owner,
            style,
            topics,
            criteria,
            filters,
            channel,
            status,
            error,
            end,
            document,
            is_deleted: false,
            secrets,
        }
    }
}

impl Subscription {
    /// The purpose under which the vault keeps [`Secrets::headers`].
    pub const HEADERS: &str = "subscription-headers";
    /// The purpose under which the vault keeps [`Secrets::signing`], as it was shown to the owner: `whsec_`, then
    /// 32 bytes in base64.
    pub const SIGNING: &str = "subscription-signing";

    /// Whether the consumer understands a handshake and a heartbeat as the Backport has them. A consumer of FHIR R4's own
    /// way, or of the national form, does not.
    pub fn has_handshake(&self) -> bool {
        self.style != Style::Classic
            && matches!(self.channel.payload, Some(Payload::FhirJson | Payload::FhirXml))
    }

    /// Whether the subscription becomes active only after a first call that the consumer has answered: the handshake, or
    /// for an HTTP endpoint without one a call without a body. A broker is sent no empty message, and a consumer that opens a
    /// socket has answered by that.
    pub fn is_greeted(&self) -> bool {
        self.has_handshake() || self.channel.kind == ChannelType::RestHook
    }

    /// How many events one notification may have: a call without a body and a `CloudEvent` are about one each.
    pub fn batch_size(&self, most: i64) -> i64 {
        match (self.style, self.channel.payload) {
            (Style::Backport, Some(Payload::FhirJson | Payload::FhirXml)) => {
                self.channel.max_count.map_or(most, |wanted| wanted.clamp(1, most))
            }
            (Style::Backport | Style::Classic | Style::National, _) => 1,
        }
    }

    /// The one person whom every event for it names, where there is one.
    pub fn about(&self) -> Option<NhsNumber> {
        about(&self.owner.who, &self.filters)
    }
}

/// The one person whom every event names that this caller hears of with these conditions.
pub(crate) fn about(owner: &Who, filters: &[Filter]) -> Option<NhsNumber> {
    use crate::event::filter::FilterName;
    use crate::person::NumberCheck;
    let of_filter = |filter: &Filter| match (filter.name, filter.values.as_slice()) {
        (FilterName::Patient | FilterName::Proxy, [one]) => NhsNumber::parse(one, NumberCheck::Length).ok(),
        _ => None,
    };
    owner.user().or_else(|| filters.iter().find_map(of_filter))
}

/// Whose a subscription is: the app, and the person or the system that it asks for. Whoever has another key may
/// not know of it (N-11).
pub fn owner_key(caller: &Caller) -> String {
    let id = caller.who.id().unwrap_or_default();
    let patient = match &caller.who {
        Who::Proxy { patient, .. } => patient.to_string(),
        Who::Anyone | Who::Citizen { .. } | Who::Staff { .. } | Who::System { .. } | Who::Service => {
            String::new()
        }
    };
    let app = caller.app.as_deref().unwrap_or_default();
    [caller.who.kind(), &id, &patient, app].join("\u{1f}")
}

macro_rules! words {
    ($kind:ty, $what:literal, $($variant:ident => $word:literal),+ $(,)?) => {
        impl $kind {
            #[doc = concat!("Every ", $what, ".")]
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// FHIR's code, or the word that the store keeps.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Reads the word.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

words!(Style, "style", Backport => "backport", Classic => "classic", National => "national");
words!(
    SubscriptionStatus, "status",
    Requested => "requested", Active => "active", Error => "error", Off => "off"
);
words!(ChannelType, "way", RestHook => "rest-hook", WebSocket => "websocket", Message => "message");
words!(
    Payload, "media type",
    FhirJson => "application/fhir+json", FhirXml => "application/fhir+xml", CloudEvent => "application/json"
);
words!(Content, "content", Empty => "empty", IdOnly => "id-only", FullResource => "full-resource");
