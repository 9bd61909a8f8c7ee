//! Notifications of the Backport guide for R4: a history Bundle whose first entry is the status of the
//! subscription as Parameters.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::resource::resource_type::is_id;
use crate::resource::stored_resource::StoredResource;
use base::date_time::render_instant;
use base::ids::uuid_of;
use domain::audit::Disclosure;
use domain::event::{Notification, Numbered, PayloadContent, Style, Subscription, SubscriptionStatus, Topic};

const STATUS_PROFILE: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4";
const BUNDLE_PROFILE: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification-r4";
const ERROR: &str = "http://terminology.hl7.org/CodeSystem/subscription-error";

/// The data of a notification besides its events.
pub(crate) struct StatusParameters<'s> {
    pub(crate) subscription: &'s Subscription,
    pub(crate) status: SubscriptionStatus,
    /// `handshake`, `heartbeat`, `event-notification`, `query-status` or `query-event`.
    pub(crate) kind: &'static str,
    pub(crate) events_since_start: i64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) content: PayloadContent,
    /// The id of the notification, for recognising a repetition.
    pub(crate) id: String,
}

/// An event, and the part of it that may be disclosed.
pub(crate) struct NotificationEntry<'e> {
    pub(crate) numbered: &'e Numbered,
    /// Whether its subject may be named.
    pub(crate) is_shown: bool,
    /// Whether its subject has its own entry.
    pub(crate) with_entry: bool,
    /// The version that it created.
    pub(crate) resource: Option<StoredResource>,
}

impl<'e> NotificationEntry<'e> {
    /// The resource that a notification with its subject discloses. The current row tells whose it is.
    pub(crate) fn disclosed(&self) -> Option<Disclosure> {
        (self.is_shown && self.with_entry).then(|| Disclosure::Resource(self.numbered.event.subject.clone()))
    }

    /// Only the number of the event.
    pub(crate) const fn number_only(numbered: &'e Numbered) -> Self {
        Self { numbered, is_shown: false, with_entry: false, resource: None }
    }
}

impl<'s> StatusParameters<'s> {
    /// The head of a notification.
    pub(crate) fn of(subscription: &'s Subscription, notification: &Notification) -> Self {
        Self {
            subscription,
            status: notification.status,
            kind: notification.notice.kind(),
            events_since_start: notification.events_since_start,
            at: notification.at,
            content: subscription.channel.content,
            id: notification.id.clone(),
        }
    }

    fn reference(&self, context: &Context) -> String {
        format!("{}/Subscription/{}", context.base, self.subscription.id)
    }

    /// The id of its Parameters.
    pub(crate) fn uuid(&self) -> Uuid {
        uuid_of(&format!("{}/{}", self.subscription.id, self.id))
    }
}

/// The status of a subscription (profile backport-subscription-status-r4).
pub(crate) fn parameters(
    context: &Context,
    head: &StatusParameters<'_>,
    notified: &[NotificationEntry<'_>],
) -> Value {
    let mut all =
        vec![json!({ "name": "subscription", "valueReference": { "reference": head.reference(context) } })];
    // A topic would disclose more than an empty notification may.
    if head.subscription.style == Style::Backport && head.content != PayloadContent::Empty {
        all.push(json!({ "name": "topic", "valueCanonical": head.subscription.criteria }));
    }
    all.push(json!({ "name": "status", "valueCode": head.status.as_str() }));
    all.push(json!({ "name": "type", "valueCode": head.kind }));
    all.push(json!({
        "name": "events-since-subscription-start",
        "valueString": head.events_since_start.to_string(),
    }));
    all.extend(notified.iter().map(|notified| event(context, notified)));
    if let (SubscriptionStatus::Error, error) = (head.status, &head.subscription.error) {
        let mut concept = json!({ "coding": [{ "system": ERROR, "code": "no-response" }] });
        if let (Some(error), Some(concept)) = (error, concept.as_object_mut()) {
            concept.insert("text".to_owned(), error.as_str().into());
        }
        all.push(json!({ "name": "error", "valueCodeableConcept": concept }));
    }
    json!({
        "resourceType": "Parameters",
        "id": head.uuid().to_string(),
        "meta": { "profile": [STATUS_PROFILE] },
        "parameter": all,
    })
}

/// An event as a parameter. Further context (`additional-context`) is left out: the guide leaves it to
/// servers, a scope on Consent need not allow RelatedPerson, and the subscriber can read everything from the
/// focus.
fn event(context: &Context, notified: &NotificationEntry<'_>) -> Value {
    let Numbered { number, event } = notified.numbered;
    let mut parts = vec![
        json!({ "name": "event-number", "valueString": number.to_string() }),
        json!({ "name": "timestamp", "valueInstant": render_instant(event.occurred_at) }),
    ];
    if notified.is_shown {
        let focus = format!("{}/{}", context.base, event.subject);
        parts.push(json!({ "name": "focus", "valueReference": { "reference": focus } }));
    }
    json!({ "name": "notification-event", "part": parts })
}

/// The notification Bundle (profile backport-subscription-notification-r4).
pub(crate) fn history(
    context: &Context,
    head: &StatusParameters<'_>,
    notified: &[NotificationEntry<'_>],
) -> Value {
    let status = json!({
        "fullUrl": format!("urn:uuid:{}", head.uuid()),
        "resource": parameters(context, head, notified),
        "request": { "method": "GET", "url": format!("{}/$status", head.reference(context)) },
        "response": { "status": "200" },
    });
    let mut entries = vec![status];
    let mut known: Vec<(&str, i64)> = Vec::new();
    for notified in notified.iter().filter(|notified| notified.is_shown && notified.with_entry) {
        let subject = (notified.numbered.event.subject.as_str(), notified.numbered.event.subject_version);
        if !known.contains(&subject) {
            known.push(subject);
            entries.push(entry(context, notified));
        }
    }
    let mut bundle = Map::new();
    bundle.insert("resourceType".to_owned(), "Bundle".into());
    if is_id(&head.id) {
        bundle.insert("id".to_owned(), head.id.as_str().into());
    }
    bundle.insert("meta".to_owned(), json!({ "profile": [BUNDLE_PROFILE] }));
    bundle.insert("type".to_owned(), "history".into());
    bundle.insert("timestamp".to_owned(), render_instant(head.at).into());
    bundle.insert("entry".to_owned(), Value::Array(entries));
    Value::Object(bundle)
}

/// The entry of an event's subject; for one that may no longer be disclosed, a deletion.
fn entry(context: &Context, notified: &NotificationEntry<'_>) -> Value {
    let event = &notified.numbered.event;
    let full_url = format!("{}/{}", context.base, event.subject);
    let Some(stored) = &notified.resource else {
        let (method, status) =
            if event.topic == Topic::RoleDeleted { ("DELETE", "204") } else { ("GET", "200") };
        return json!({
            "fullUrl": full_url,
            "request": { "method": method, "url": event.subject },
            "response": { "status": status },
        });
    };
    let (method, url, status) = if stored.version == 1 {
        ("POST", stored.kind.name(), "201")
    } else {
        ("PUT", event.subject.as_str(), "200")
    };
    json!({
        "fullUrl": full_url,
        "resource": stored.body,
        "request": { "method": method, "url": url },
        "response": {
            "status": status,
            "etag": format!("W/\"{}\"", stored.version),
            "lastModified": render_instant(stored.updated_at),
        },
    })
}
