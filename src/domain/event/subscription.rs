//! Subscriptions to events.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::account::caller::{Caller, Principal};
use crate::event::filter::SubscriptionFilter;
use crate::event::topic::Topic;
use crate::person::nhs_number::NhsNumber;

/// The three styles of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// By topic: Subscriptions R5 Backport 1.1 for R4.
    Backport,
    /// By a search, as FHIR R4 itself has it.
    Classic,
    /// By event type, as the national event service has it (contract §7).
    National,
}

/// The status of a subscription (FHIR `subscription-status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// Its consumer has not answered the handshake yet. Events are numbered, none is sent.
    Requested,
    /// Events are delivered.
    Active,
    /// Its consumer could not be reached. Events are numbered and kept; the owner re-activates it.
    Error,
    /// Nothing is numbered and nothing is sent.
    Off,
}

/// The channel type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelType {
    /// An HTTP POST to an endpoint.
    RestHook,
    /// A WebSocket that the consumer opens.
    WebSocket,
    /// A message to a broker.
    Message,
}

/// The media type of notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// FHIR as JSON.
    FhirJson,
    /// FHIR as XML.
    FhirXml,
    /// The `CloudEvent` of contract §7, as JSON.
    CloudEvent,
}

/// How much of an event's subject is sent (`backport-payload-content`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadContent {
    /// Nothing but the fact.
    Empty,
    /// The subject's id.
    IdOnly,
    /// The subject's id and the resource.
    FullResource,
}

/// The delivery channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its type.
    pub kind: ChannelType,
    /// Its URL; none where the consumer connects to us.
    pub endpoint: Option<String>,
    /// The media type; none for a call without a body (R4's own way).
    pub payload: Option<Payload>,
    /// How much is sent.
    pub content: PayloadContent,
    /// After this time without a notification a heartbeat is sent.
    pub heartbeat: Option<TimeDelta>,
    /// The time limit of one attempt.
    pub timeout: Option<TimeDelta>,
    /// The most events of one notification.
    pub max_count: Option<i64>,
}

/// A client's subscription, validated.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of Subscription")]
pub struct SubscriptionDraft {
    pub style: Style,
    pub topics: Vec<Topic>,
    pub criteria: String,
    pub filters: Vec<SubscriptionFilter>,
    pub channel: Channel,
    /// The lines of `Subscription.channel.header`.
    pub headers: Vec<String>,
    pub end: Option<DateTime<Utc>>,
    pub document: String,
    /// The requested status: `off`, or one of the others (N-02).
    pub asked: SubscriptionStatus,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id.
    pub id: Uuid,
    /// Its owner: all that is needed to authorize each event again.
    pub owner: Caller,
    /// Its style.
    pub style: Style,
    /// Its topics.
    pub topics: Vec<Topic>,
    /// `Subscription.criteria` as it was written.
    pub criteria: String,
    /// Filters that must all match.
    pub filters: Vec<SubscriptionFilter>,
    /// Its channel.
    pub channel: Channel,
    /// Its status.
    pub status: SubscriptionStatus,
    /// The reason for [`SubscriptionStatus::Error`].
    pub error: Option<String>,
    /// When it ends.
    pub end: Option<DateTime<Utc>>,
    /// The resource as JSON, without the elements that have a field here.
    pub document: String,
    /// Deleted by its owner.
    pub is_deleted: bool,
    /// Its secrets, which only the owner may read.
    pub secrets: SubscriptionSecrets,
}

/// Secrets, encrypted wherever they are stored (`base::secret::Vault`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionSecrets {
    /// The lines of `Subscription.channel.header`, as a JSON array.
    pub headers: String,
    /// The secret that signs deliveries.
    pub signing: String,
    /// The previous signing secret, and until when it signs as well.
    pub former: Option<(String, DateTime<Utc>)>,
}

impl SubscriptionDraft {
    /// The subscription of this draft, for this owner, with this status and these secrets.
    pub fn into_subscription(
        self,
        id: Uuid,
        owner: Caller,
        (status, error): (SubscriptionStatus, Option<String>),
        secrets: SubscriptionSecrets,
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
    /// The vault's purpose for [`SubscriptionSecrets::headers`].
    pub const HEADERS: &str = "subscription-headers";
    /// The vault's purpose for [`SubscriptionSecrets::signing`], in the form shown to the owner: `whsec_`, then 32 bytes
    /// in base64.
    pub const SIGNING: &str = "subscription-signing";

    /// Whether the consumer understands the handshake and heartbeat of the Backport. Consumers of FHIR R4's
    /// own style and of the national style do not.
    pub fn has_handshake(&self) -> bool {
        self.style != Style::Classic
            && matches!(self.channel.payload, Some(Payload::FhirJson | Payload::FhirXml))
    }

    /// Whether the subscription becomes active only after the consumer has answered a first call: the
    /// handshake, or for an HTTP endpoint without one a call without a body. A broker gets no empty message,
    /// and a consumer that opens a WebSocket has answered by that.
    pub fn needs_handshake(&self) -> bool {
        self.has_handshake() || self.channel.kind == ChannelType::RestHook
    }

    /// The most events of one notification: a call without a body and a `CloudEvent` carry one each.
    pub fn batch_size(&self, most: i64) -> i64 {
        match (self.style, self.channel.payload) {
            (Style::Backport, Some(Payload::FhirJson | Payload::FhirXml)) => {
                self.channel.max_count.map_or(most, |wanted| wanted.clamp(1, most))
            }
            (Style::Backport | Style::Classic | Style::National, _) => 1,
        }
    }

    /// The person whom every event of this subscription names, where there is one.
    pub fn about(&self) -> Option<NhsNumber> {
        about(&self.owner.principal, &self.filters)
    }
}

/// The person whom every event names that this caller may receive with these filters.
pub(crate) fn about(owner: &Principal, filters: &[SubscriptionFilter]) -> Option<NhsNumber> {
    use crate::event::filter::FilterName;
    use crate::person::NumberCheck;
    let of_filter = |filter: &SubscriptionFilter| match (filter.name, filter.values.as_slice()) {
        (FilterName::Patient | FilterName::Proxy, [one]) => NhsNumber::parse(one, NumberCheck::Length).ok(),
        _ => None,
    };
    owner.user().or_else(|| filters.iter().find_map(of_filter))
}

/// The owner of a subscription as a key: the app, and the person or system that it acts for. A caller with
/// another key gets 404 (N-11).
pub fn owner_key(caller: &Caller) -> String {
    let id = caller.principal.id().unwrap_or_default();
    let patient = match &caller.principal {
        Principal::Proxy { patient, .. } => patient.to_string(),
        Principal::Anyone
        | Principal::Citizen { .. }
        | Principal::Staff { .. }
        | Principal::System { .. }
        | Principal::Service => String::new(),
    };
    let app = caller.app.as_deref().unwrap_or_default();
    [caller.principal.kind(), &id, &patient, app].join("\u{1f}")
}

macro_rules! words {
    ($kind:ty, $what:literal, $($variant:ident => $word:literal),+ $(,)?) => {
        impl $kind {
            #[doc = concat!("Every ", $what, ".")]
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// FHIR's code, or the stored word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Parses the word.
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
words!(PayloadContent, "content", Empty => "empty", IdOnly => "id-only", FullResource => "full-resource");
