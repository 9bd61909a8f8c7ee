//! Notifications for subscribers: which events they may get, and how a notification is rendered.
//!
//! Each subscription is authorized with its owner's current permissions, at the time of the notification, not
//! of the subscribing (N-33): a [`Context`] is made from the stored owner, and evaluated like a search.

mod bundle;
mod cloud_event;
mod visible;

use std::collections::HashMap;

use crate::context::{Context, FhirSettings};
use crate::resource::stored_resource::StoredResource;
use crate::resource::{load_versions, subscription};
use base::error::Error;
pub(crate) use bundle::{NotificationEntry, StatusParameters, history, parameters};
use domain::account::{GrantedScopes, Principal};
use domain::event::{
    Event, Notice, Notification, Numbered, Payload, PayloadContent, Style, Subscription, Topic,
};
use domain::proxy::OdsCode;
use fhir::format;
use fhir::format::Format;
use service::event::renderer::{NotificationRenderer, RenderedNotification};
use store::Tx;
use store::search::Visibility;
pub(crate) use visible::visible;

/// Authorizes events and renders notifications, for delivery.
#[derive(Clone)]
pub struct FhirNotificationRenderer {
    settings: FhirSettings,
}

impl FhirNotificationRenderer {
    /// With these settings.
    pub const fn new(settings: FhirSettings) -> Self {
        Self { settings }
    }

    /// The context of a subscription's owner, now.
    fn context(&self, subscription: &Subscription) -> Context {
        Context::of(&self.settings, subscription.owner.clone(), true)
    }
}

impl NotificationRenderer for FhirNotificationRenderer {
    fn authorize_events(
        &self,
        tx: &mut Tx<'_>,
        subscription: &Subscription,
        events: &[Event],
    ) -> Result<Vec<bool>, Error> {
        let context = self.context(subscription);
        let all: Vec<&Event> = events.iter().collect();
        let mut may = visible(tx, &context, &all)?;
        if subscription.style == Style::Classic {
            let matching = matching(tx, &context, subscription, events)?;
            for (may, event) in may.iter_mut().zip(events) {
                let version = (event.subject_parts().1.to_owned(), event.subject_version);
                *may = *may && matching.contains(&version);
            }
        }
        Ok(may)
    }

    fn authorization_key(&self, subscription: &Subscription) -> Option<String> {
        let owner = &subscription.owner;
        let is_classic = subscription.style == Style::Classic;
        let needs_authorization = is_classic
            || owner.grant.is_some()
            || owner.granted_scopes != GrantedScopes::None
            || matches!(self.context(subscription).scope(), Visibility::Organisation(_));
        // Whether the grant is valid is checked elsewhere.
        let criteria = if is_classic { subscription.criteria.as_str() } else { "" };
        needs_authorization.then(|| {
            format!(
                "{}\u{1f}{}\u{1f}{criteria}",
                authorization_key_of(&owner.principal),
                owner.granted_scopes
            )
        })
    }

    fn masks_reasons(&self) -> bool {
        self.settings.disclosure.mask_reasons
    }

    fn render(
        &self,
        tx: &mut Tx<'_>,
        subscription: &Subscription,
        notification: &Notification,
    ) -> Result<RenderedNotification, Error> {
        let context = self.context(subscription);
        let message =
            |content_type, body| RenderedNotification { id: notification.id.clone(), content_type, body };
        // A subscriber that knows only one style of R4 would not understand the content: the call alone is
        // the message.
        let bare = || message(None, Vec::new());
        let Some(payload) = subscription.channel.payload else { return Ok(bare()) };
        let Notice::Events(numbered) = &notification.notice else {
            return Ok(match subscription.style {
                Style::Classic => bare(),
                Style::National if payload == Payload::CloudEvent => bare(),
                Style::Backport | Style::National => {
                    let head = StatusParameters::of(subscription, notification);
                    let bundle = history(&context, &head, &[]);
                    message(Some(content_type(subscription, payload)), written(&bundle, payload))
                }
            });
        };
        let body = match (subscription.style, numbered.first()) {
            (Style::National, Some(first)) => {
                let may = visible(tx, &context, &[&first.event])?.first() == Some(&true);
                cloud_event::write(tx, &context, subscription, first, (payload, may))?
            }
            (Style::Classic, Some(first)) => {
                let notified =
                    notified(tx, &context, std::slice::from_ref(first), PayloadContent::FullResource)?;
                match notified.into_iter().next().and_then(|notified| notified.resource) {
                    Some(stored) => stored.body.into_tree(),
                    None => return Ok(bare()),
                }
            }
            (Style::Backport, _) => {
                let notified = notified(tx, &context, numbered, subscription.channel.content)?;
                history(&context, &StatusParameters::of(subscription, notification), &notified)
            }
            (Style::National | Style::Classic, None) => return Ok(bare()),
        };
        Ok(message(Some(content_type(subscription, payload)), written(&body, payload)))
    }
}

/// The caller as a key, with everything that decides what they may see.
fn authorization_key_of(principal: &Principal) -> String {
    match principal {
        Principal::Anyone | Principal::Service => principal.kind().to_owned(),
        Principal::Citizen { nhs_number, proofing } => {
            format!("citizen\u{1f}{}\u{1f}{proofing}", nhs_number.as_str())
        }
        Principal::Proxy { proxy, patient, role } => {
            format!("proxy\u{1f}{}\u{1f}{}\u{1f}{role}", proxy.as_str(), patient.as_str())
        }
        Principal::Staff { name, organisation } => {
            let organisation = organisation.as_ref().map_or("", OdsCode::as_str);
            format!("staff\u{1f}{name}\u{1f}{organisation}")
        }
        Principal::System { name } => format!("system\u{1f}{name}"),
    }
}

/// The versions that match the search of a classic subscription, as they were: one statement.
fn matching(
    tx: &mut Tx<'_>,
    context: &Context,
    subscription: &Subscription,
    events: &[Event],
) -> Result<Vec<(String, i64)>, Error> {
    // A search that this version of the program no longer supports would miss events: its owner must be
    // notified.
    let compiled = subscription::classic::compile(&subscription.criteria, context);
    let (kind, filter) = compiled.map_err(|_refusal| {
        Error::fault("this version of the program does not support the criteria of a subscription")
    })?;
    let of_kind = events.iter().filter(|event| event.subject_parts().0 == kind.name());
    let wanted: Vec<(String, i64)> =
        of_kind.map(|event| (event.subject_parts().1.to_owned(), event.subject_version)).collect();
    match kind.tables() {
        Some((table, versions)) if !wanted.is_empty() => {
            tx.list_matching_versions(table, versions, &wanted, &filter, context.scope())
        }
        _ => Ok(Vec::new()),
    }
}

/// The disclosable part of these events: only the number of those that the owner may no longer read.
pub(crate) fn notified<'e>(
    tx: &mut Tx<'_>,
    context: &Context,
    numbered: &'e [Numbered],
    asked: PayloadContent,
) -> Result<Vec<NotificationEntry<'e>>, Error> {
    if asked == PayloadContent::Empty {
        return Ok(numbered.iter().map(NotificationEntry::number_only).collect());
    }
    let events: Vec<&Event> = numbered.iter().map(|numbered| &numbered.event).collect();
    let may = visible(tx, context, &events)?;
    let mut resources = if asked == PayloadContent::FullResource {
        resources(tx, context, events.iter().zip(&may).filter(|(_, may)| **may).map(|(event, _)| *event))?
    } else {
        HashMap::new()
    };
    let each = numbered.iter().zip(may).map(|(numbered, may)| {
        let event = &numbered.event;
        let resource = resources.remove(&(event.subject.clone(), event.subject_version));
        NotificationEntry {
            numbered,
            is_shown: may,
            with_entry: asked == PayloadContent::FullResource,
            resource,
        }
    });
    Ok(each.collect())
}

/// The versions that these events created, by subject and version: one statement for each type.
fn resources<'e>(
    tx: &mut Tx<'_>,
    context: &Context,
    events: impl Iterator<Item = &'e Event>,
) -> Result<HashMap<(String, i64), StoredResource>, Error> {
    let mut wanted: HashMap<_, Vec<(String, i64)>> = HashMap::new();
    for event in events.filter(|event| event.topic != Topic::RoleDeleted) {
        let kind = subscription::topic::type_of(event.topic);
        let version = (event.subject_parts().1.to_owned(), event.subject_version);
        wanted.entry(kind).or_default().push(version);
    }
    let mut found = HashMap::new();
    for (kind, versions) in wanted {
        for stored in load_versions(tx, context, kind, &versions)? {
            found.insert((format!("{}/{}", kind.name(), stored.id), stored.version), stored);
        }
    }
    Ok(found)
}

fn written(body: &serde_json::Value, payload: Payload) -> Vec<u8> {
    let format = match payload {
        Payload::FhirXml => Format::Xml,
        Payload::FhirJson | Payload::CloudEvent => Format::Json,
    };
    format::render(body, format, false)
}

/// The media type, with the FHIR version where the subscription has it (N-28).
fn content_type(subscription: &Subscription, payload: Payload) -> &'static str {
    let document: serde_json::Value = serde_json::from_str(&subscription.document).unwrap_or_default();
    let given = document.pointer("/channel/payload").and_then(serde_json::Value::as_str);
    match (payload, given.is_some_and(|given| given.contains(';'))) {
        (Payload::FhirJson, true) => "application/fhir+json; fhirVersion=4.0",
        (Payload::FhirXml, true) => "application/fhir+xml; fhirVersion=4.0",
        (_, _) => payload.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::authorization_key_of;
    use domain::account::{Principal, Proofing};
    use domain::person::{NhsNumber, NumberCheck};

    #[test]
    fn different_owners_never_share_an_authorization_question() {
        let number = |text| NhsNumber::parse(text, NumberCheck::Length).unwrap();
        let (one, other) = (number("9000000009"), number("9000000017"));
        let role = uuid::Uuid::nil();
        let staff = |name: &str, code: Option<&str>| Principal::Staff {
            name: name.to_owned(),
            organisation: code.map(|code| domain::proxy::OdsCode::parse(code).unwrap()),
        };
        let all = [
            Principal::Anyone,
            Principal::Service,
            Principal::Citizen { nhs_number: one, proofing: Proofing::P9 },
            Principal::Citizen { nhs_number: other, proofing: Proofing::P9 },
            Principal::Citizen { nhs_number: one, proofing: Proofing::P5 },
            Principal::Proxy { proxy: one, patient: other, role },
            Principal::Proxy { proxy: other, patient: one, role },
            Principal::Proxy { proxy: one, patient: other, role: uuid::Uuid::max() },
            staff("a", None),
            staff("a", Some("A20047")),
            staff("b", Some("A20047")),
            Principal::System { name: "a".to_owned() },
        ];
        let questions: std::collections::HashSet<String> = all.iter().map(authorization_key_of).collect();
        assert_eq!(questions.len(), all.len(), "{questions:?}");
    }
}
