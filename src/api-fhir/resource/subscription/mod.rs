//! Subscription, in one of three styles, each validated in its own file at creation (N-03). It belongs to its
//! owner only.

mod backport;
mod channel;
pub(crate) mod classic;
pub(super) mod description;
mod header;
pub(crate) mod national;
mod payload;
mod refusal;
pub(crate) mod topic;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::context::{Context, Subscribing};
use crate::refusal::Refusal;
use crate::resource::definition::{
    ResourceDefinition, ResourceDraft, WriteOperations, WritePurpose, mismatch,
};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::{StoredResource, head};
use crate::resource::unsupported_elements;
use base::date_time::{FhirDateTime, render_instant};
use base::error::Error;
use base::held;
use domain::event::{Style, Subscription, SubscriptionDraft, SubscriptionStatus};
use domain::proxy::Versioned;
use fhir::outcome::{Issue, IssueType};
use refusal::{unsupported, wrong};
use service::access;
use service::access::Action;
use service::event::{
    SubscribeError, change_subscription, create_subscription, delete_subscription, open_headers,
};
use store::{SubscriptionVersion, Tx};

/// The profile of a topic-based subscription.
pub(crate) const PROFILE: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription";
/// The largest subscription, in bytes, as JSON without its headers. It is parsed for each list and each
/// delivery, and its response is rendered in the transaction that writes it.
const MOST_BYTES: usize = 16 * 1024;

pub(super) static DEFINITION: ResourceDefinition = ResourceDefinition {
    load,
    select: None,
    writing: Some(WriteOperations {
        load_versions,
        creates: Some(Action::ReadRecords),
        changes: Action::ReadRecords,
        read,
        create,
        update,
        delete: Some(delete),
    }),
};

fn load(tx: &mut Tx<'_>, context: &Context, ids: &[String]) -> Result<Vec<StoredResource>, Error> {
    let subscriptions = tx.list_subscriptions_by_id(ids)?;
    subscriptions.iter().map(|subscription| stored(subscription, context)).collect()
}

fn load_versions(
    tx: &mut Tx<'_>,
    context: &Context,
    wanted: &[(String, i64)],
) -> Result<Vec<StoredResource>, Error> {
    let versions = tx.list_subscription_versions_by_id(wanted)?;
    versions.iter().map(|version| render(version, context)).collect()
}

fn read(context: &Context, body: &Value, purpose: WritePurpose) -> Result<ResourceDraft, Refusal> {
    let draft = draft(body, context)?;
    if purpose == WritePurpose::Create && draft.asked == SubscriptionStatus::Error {
        return Err(bad_status());
    }
    check_unsupported_elements(body, &draft)?;
    Ok(ResourceDraft::Subscription(Box::new(draft)))
}

fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    draft: &ResourceDraft,
    id: Uuid,
) -> Result<StoredResource, Refusal> {
    let ResourceDraft::Subscription(draft) = draft else { return Err(mismatch()) };
    let Subscribing { settings, vault } = context.subscribing()?;
    if draft.asked == SubscriptionStatus::Error {
        return Err(bad_status());
    }
    let most = settings.most_of(&context.caller.principal);
    let draft = ending(tx, context, draft.as_ref().clone())?;
    let created = create_subscription(tx, &*context.clock, vault, &context.caller, id, draft, most);
    let created = created.map_err(|error| refused(error, most))?;
    Ok(stored(&created, context)?)
}

fn refused(error: SubscribeError, most: i64) -> Refusal {
    match error {
        SubscribeError::TooMany => {
            let message = format!(
                "The owner has {most} subscriptions that are not off, which is the most: delete one, or set it to off."
            );
            Refusal::rule(message, "Subscription")
        }
        SubscribeError::Store(error) => error.into(),
    }
}

fn update(
    tx: &mut Tx<'_>,
    context: &Context,
    current: &StoredResource,
    draft: &ResourceDraft,
) -> Result<StoredResource, Refusal> {
    let ResourceDraft::Subscription(draft) = draft else { return Err(mismatch()) };
    let Subscribing { vault, settings } = context.subscribing()?;
    let before = find(tx, &current.id)?;
    if draft.asked == SubscriptionStatus::Error && before.value.status != SubscriptionStatus::Error {
        return Err(bad_status());
    }
    let most = settings.most_of(&context.caller.principal);
    let draft = ending(tx, context, draft.as_ref().clone())?;
    let changed = change_subscription(tx, &*context.clock, vault, &context.caller, before, draft, most);
    let changed = changed.map_err(|error| refused(error, most))?;
    Ok(stored(&changed, context)?)
}

/// Limits a draft's end to that of the owner's grant, which `Subscription.end` then shows.
fn ending(
    tx: &mut Tx<'_>,
    context: &Context,
    mut draft: SubscriptionDraft,
) -> Result<SubscriptionDraft, Error> {
    let Some(latest) = access::granted_until(tx, &context.caller)? else { return Ok(draft) };
    if draft.end.is_none_or(|end| latest < end) {
        draft.document = with_end(&draft, latest)?;
        draft.end = Some(latest);
    }
    Ok(draft)
}

/// The document of a draft with another end. The writer is held meanwhile, so a document without an end is
/// not parsed: it is an object with members, and gets one more.
fn with_end(draft: &SubscriptionDraft, end: DateTime<Utc>) -> Result<String, Error> {
    let end = render_instant(end);
    if let (None, Some(members)) = (draft.end, draft.document.strip_suffix('}')) {
        return Ok(format!("{members},\"end\":\"{end}\"}}"));
    }
    let mut document: Map<String, Value> = serde_json::from_str(&draft.document).map_err(Error::fault)?;
    document.insert("end".to_owned(), end.into());
    Ok(Value::Object(document).to_string())
}

fn delete(tx: &mut Tx<'_>, context: &Context, current: &StoredResource) -> Result<(), Refusal> {
    access::decide_kind(&context.caller.principal, Action::ReadRecords)?;
    let current = find(tx, &current.id)?;
    Ok(delete_subscription(tx, &*context.clock, &context.caller, current)?)
}

/// The subscription with this id, which a search has found for the caller.
pub(crate) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Versioned<Subscription>, Refusal> {
    let id = Uuid::parse_str(id).or(Err(Refusal::not_found()))?;
    tx.find_subscription(id)?.ok_or_else(Refusal::not_found)
}

fn bad_status() -> Refusal {
    let message = "Set the status to `requested` or `off`: the service sets active and error.";
    Refusal::rule(message, "Subscription.status")
}

/// The style of criteria; `None` where they have none.
fn style_of(criteria: &str) -> Option<Style> {
    let begins = |scheme: &str| criteria.starts_with(scheme);
    if criteria.trim_start().to_ascii_lowercase().starts_with("eventtype") {
        Some(Style::National)
    } else if begins("http://") || begins("https://") || begins("urn:") {
        Some(Style::Backport)
    } else {
        let kind = criteria.split('?').next().and_then(ResourceType::parse);
        kind.map(|_| Style::Classic)
    }
}

/// The validated content of a body.
fn draft(body: &Value, context: &Context) -> Result<SubscriptionDraft, Refusal> {
    check_extensions(body)?;
    let criteria = body.get("criteria").and_then(Value::as_str).unwrap_or_default();
    let style = style_of(criteria).ok_or_else(|| {
        let message = "Name a topic of this server by its URL, give a search such as Consent?status=active, or a \
                    national event type: eventType='vrs-proxy-role-changed-1'.";
        unsupported(message, "Subscription.criteria")
    })?;
    let (topics, filters) = match style {
        Style::Backport => backport::read(body, criteria, context)?,
        Style::Classic => (classic::read(body, criteria, context)?, Vec::new()),
        Style::National => national::read(body, criteria, context)?,
    };
    let Subscribing { settings, .. } = context.subscribing()?;
    let channel = channel::read(body, style, settings)?;
    let headers = header::read(body, channel.kind)?;
    let document = kept(body, &channel).to_string();
    if document.len() > MOST_BYTES {
        let message =
            format!("A subscription can have at most {MOST_BYTES} bytes, as JSON without its headers.");
        return Err(Refusal::new(413, Issue::error(IssueType::TooLong, message).at("Subscription")));
    }
    let asked = body.get("status").and_then(Value::as_str).and_then(SubscriptionStatus::parse);
    let end = match body.get("end").and_then(Value::as_str) {
        Some(end) => {
            let end = FhirDateTime::parse(end).or(Err(wrong("Give an instant.", "Subscription.end")))?;
            let end = end.earliest();
            if end <= context.now() && asked != Some(SubscriptionStatus::Off) {
                return Err(wrong("The end must be in the future.", "Subscription.end"));
            }
            Some(end)
        }
        None => None,
    };
    Ok(SubscriptionDraft {
        style,
        topics,
        criteria: criteria.to_owned(),
        filters,
        document,
        channel,
        headers,
        end,
        asked: asked.unwrap_or(SubscriptionStatus::Requested),
    })
}

/// Refuses unknown extensions: those for R5's elements in other guides must not be ignored.
fn check_extensions(body: &Value) -> Result<(), Refusal> {
    if body.get("modifierExtension").is_some() {
        let message = "This server supports no modifier extension here.";
        return Err(unsupported(message, "Subscription.modifierExtension"));
    }
    let extensions = body.get("extension").and_then(Value::as_array).into_iter().flatten();
    for (number, extension) in extensions.enumerate() {
        let url = extension.get("url").and_then(Value::as_str).unwrap_or_default();
        let of_r5 = url.strip_prefix("http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.");
        if of_r5.is_some_and(|element| element != "identifier") {
            let message = "Use the extensions of the profile backport-subscription.";
            return Err(unsupported(message, format!("Subscription.extension[{number}]")));
        }
    }
    Ok(())
}

/// Replaces the document of a draft by the stored one, if their content is equal.
pub(super) fn keep_if_unchanged(
    draft: &mut SubscriptionDraft,
    current: &StoredResource,
) -> Result<(), Error> {
    let current = current.body.tree();
    held::check_value(&current);
    let stored = kept(&current, &draft.channel);
    let given: Value = serde_json::from_str(&draft.document).map_err(Error::fault)?;
    if stored == given {
        draft.document = stored.to_string();
    }
    Ok(())
}

/// The document without the members that are stored elsewhere, the secrets above all.
fn kept(body: &Value, channel: &domain::event::Channel) -> Value {
    let mut document = body.clone();
    if let Some(members) = document.as_object_mut() {
        for name in ["resourceType", "id", "meta", "status", "error"] {
            members.shift_remove(name);
        }
    }
    if let Some(members) = document.get_mut("channel").and_then(Value::as_object_mut) {
        members.shift_remove("header");
        members.shift_remove("_header");
        if let (Some(given), Some(payload)) =
            (members.get("payload").and_then(Value::as_str), channel.payload)
        {
            let normal = payload::render(payload, given);
            members.insert("payload".to_owned(), normal.into());
        }
    }
    document
}

/// Refuses a body of which content would be lost: its document is stored except for the members that are
/// stored elsewhere ([`kept`]). The service writes the status, the error and the payload.
fn check_unsupported_elements(body: &Value, draft: &SubscriptionDraft) -> Result<(), Refusal> {
    let given = |name: &str| body.get("channel").and_then(|channel| channel.get(name)).cloned();
    let mut channel = Map::new();
    for name in ["header", "_header"] {
        channel.extend(given(name).map(|value| (name.to_owned(), value)));
    }
    let meta = body.get("meta").cloned().unwrap_or_default();
    let given = json!({ "resourceType": "Subscription", "meta": meta, "channel": channel });
    unsupported_elements::check(&given, &json!({ "channel": { "header": draft.headers } }))
}

/// The resource as its owner reads it, with the headers, which are the client's own secret.
pub(crate) fn stored(
    subscription: &Versioned<Subscription>,
    context: &Context,
) -> Result<StoredResource, Error> {
    let Versioned { value, version, updated_at } = subscription;
    let version = SubscriptionVersion {
        id: value.id.to_string(),
        version: *version,
        updated_at: *updated_at,
        status: value.status,
        error: value.error.clone(),
        is_deleted: value.is_deleted,
        document: value.document.clone(),
        headers: value.secrets.headers.clone(),
    };
    render(&version, context)
}

fn render(version: &SubscriptionVersion, context: &Context) -> Result<StoredResource, Error> {
    let SubscriptionVersion { id, version: number, updated_at, .. } = version;
    let kind = ResourceType::Subscription;
    let place = |body: Value| {
        let (id, version, updated_at) = (id.clone(), *number, *updated_at);
        StoredResource { kind, id, version, updated_at, people: None, body: body.into(), document: None }
    };
    if version.is_deleted {
        return Ok(place(Value::Null));
    }
    let mut body = head(kind, id, *number, *updated_at);
    let mut document: Map<String, Value> = serde_json::from_str(&version.document).map_err(Error::fault)?;
    let criteria = document.get("criteria").and_then(Value::as_str).unwrap_or_default();
    if let (Some(Style::Backport), Some(meta)) =
        (style_of(criteria), body.get_mut("meta").and_then(Value::as_object_mut))
    {
        meta.insert("profile".to_owned(), json!([PROFILE]));
    }
    let headers = match &context.subscribing {
        Some(Subscribing { vault, .. }) => open_headers(vault, &version.headers)?,
        None => Vec::new(),
    };
    if let (false, Some(channel)) =
        (headers.is_empty(), document.get_mut("channel").and_then(Value::as_object_mut))
    {
        channel.insert("header".to_owned(), json!(headers));
    }
    body.insert("status".to_owned(), version.status.as_str().into());
    body.extend(document);
    if let Some(error) = &version.error {
        body.insert("error".to_owned(), error.as_str().into());
    }
    Ok(place(Value::Object(body)))
}
