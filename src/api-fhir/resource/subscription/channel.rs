//! `Subscription.channel`: type, endpoint, payload and content (N-03).

use chrono::TimeDelta;
use serde_json::Value;

use super::payload;
use super::refusal::{extensions, unsupported, wrong};
use crate::refusal::Refusal;
use domain::event::{Channel, ChannelType, Payload, PayloadContent, Style};
use fhir::outcome::{Issue, IssueType};
use service::event::endpoint;
use service::event::settings::Subscriptions;

const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/";
const TYPE: &str = "Subscription.channel.type";
const ENDPOINT: &str = "Subscription.channel.endpoint";
const PAYLOAD: &str = "Subscription.channel.payload";

/// Reads the channel of a body.
pub(super) fn read(body: &Value, style: Style, settings: &Subscriptions) -> Result<Channel, Refusal> {
    let channel = body.get("channel").unwrap_or(&Value::Null);
    let kind = kind(channel, style)?;
    let mut read = Channel {
        kind,
        endpoint: place(channel, kind, settings)?,
        payload: None,
        content: PayloadContent::Empty,
        heartbeat: None,
        timeout: None,
        max_count: None,
    };
    if let Some(text) = channel.get("payload").and_then(Value::as_str) {
        read.payload = Some(payload::read(text, style)?);
    }
    read.content = content(channel, style, read.payload)?;
    check_combination(&read, style)?;
    for (at, url, extension) in extensions(Some(channel), "Subscription.channel") {
        take(&mut read, &at, url, extension, style, settings)?;
    }
    // A CloudEvent has one event, a classic payload is one resource, and the national Bundle has one event.
    if style == Style::National || (style == Style::Classic && read.payload.is_some()) {
        read.max_count = Some(1);
    }
    Ok(read)
}

fn kind(channel: &Value, style: Style) -> Result<ChannelType, Refusal> {
    if let Some((at, ..)) = extensions(channel.get("_type"), TYPE).next() {
        let message = "The channels of this server are rest-hook, websocket and message.";
        return Err(unsupported(message, at));
    }
    let kind = channel.get("type").and_then(Value::as_str).and_then(ChannelType::parse);
    let message = "The channels of this server are rest-hook, websocket and message.";
    let kind = kind.ok_or_else(|| unsupported(message, TYPE))?;
    if (kind, style) == (ChannelType::WebSocket, Style::National) {
        return Err(unsupported("National events go to a rest-hook, or to a message broker.", TYPE));
    }
    Ok(kind)
}

fn place(channel: &Value, kind: ChannelType, settings: &Subscriptions) -> Result<Option<String>, Refusal> {
    let given = channel.get("endpoint").and_then(Value::as_str);
    match (kind, given) {
        (ChannelType::WebSocket, None) => Ok(None),
        (ChannelType::WebSocket, Some(_)) => {
            Err(wrong("The subscriber opens the websocket: leave the endpoint out.", ENDPOINT))
        }
        (ChannelType::RestHook | ChannelType::Message, None) => {
            let message = "Give the endpoint of the notifications.";
            Err(Refusal::new(422, Issue::error(IssueType::Required, message).at(ENDPOINT)))
        }
        (ChannelType::RestHook | ChannelType::Message, Some(given)) => {
            endpoint::check_endpoint(kind, given, settings)
                .map_err(|fault| wrong(fault.to_string(), ENDPOINT))?;
            Ok(Some(given.to_owned()))
        }
    }
}

/// `backport-payload-content`, or the default of the style.
fn content(channel: &Value, style: Style, payload: Option<Payload>) -> Result<PayloadContent, Refusal> {
    let mut content = None;
    for (at, url, extension) in extensions(channel.get("_payload"), PAYLOAD) {
        if style != Style::Backport || url.strip_prefix(BACKPORT) != Some("backport-payload-content") {
            return Err(unsupported("This extension is not allowed here.", at));
        }
        let code = extension.get("valueCode").and_then(Value::as_str).and_then(PayloadContent::parse);
        let message = "The content must be empty, id-only or full-resource, given once.";
        let code = code.filter(|_| content.is_none()).ok_or_else(|| unsupported(message, at))?;
        content = Some(code);
    }
    match (style, payload) {
        (Style::Backport, Some(_)) => content.ok_or_else(|| {
            let message = "Give the content of notifications: the extension backport-payload-content with empty, id-only \
                        or full-resource.";
            let issue = Issue::error(IssueType::Required, message);
            Refusal::new(422, issue.at("Subscription.channel.payload.extension"))
        }),
        (Style::Classic, None) => Ok(PayloadContent::Empty),
        (Style::Classic, Some(_)) => Ok(PayloadContent::FullResource),
        (Style::National, Some(_)) => Ok(PayloadContent::IdOnly),
        (Style::Backport | Style::National, None) => {
            let message = "Give the media type of notifications.";
            Err(Refusal::new(422, Issue::error(IssueType::Required, message).at(PAYLOAD)))
        }
    }
}

/// The supported combinations of channel, style and payload.
fn check_combination(channel: &Channel, style: Style) -> Result<(), Refusal> {
    match (channel.kind, channel.payload) {
        (ChannelType::WebSocket, Some(Payload::FhirXml)) => {
            Err(unsupported("A websocket supports only application/fhir+json.", PAYLOAD))
        }
        (ChannelType::WebSocket, Some(_)) if style == Style::Classic => {
            Err(unsupported("A classic subscription over a websocket must have no payload.", PAYLOAD))
        }
        (ChannelType::Message, None) => {
            Err(unsupported("The channel message needs a payload: give a media type.", PAYLOAD))
        }
        _ => Ok(()),
    }
}

/// Reads an extension of the channel.
fn take(
    channel: &mut Channel,
    at: &str,
    url: &str,
    extension: &Value,
    style: Style,
    settings: &Subscriptions,
) -> Result<(), Refusal> {
    let number = |name: &str| extension.get(name).and_then(Value::as_i64);
    match url.strip_prefix(BACKPORT) {
        Some("backport-heartbeat-period") if style == Style::Backport => {
            let least = settings.least_heartbeat;
            let span = number("valueUnsignedInt").and_then(TimeDelta::try_seconds);
            let message = || format!("The shortest heartbeat is {} seconds.", least.num_seconds());
            channel.heartbeat = Some(span.filter(|span| *span >= least).ok_or_else(|| wrong(message(), at))?);
        }
        Some("backport-timeout") => {
            let most = settings.most_timeout;
            let span = number("valueUnsignedInt").and_then(TimeDelta::try_seconds);
            let fits = |span: &TimeDelta| *span > TimeDelta::zero() && *span <= most;
            let message = || format!("The timeout must be from one second to {}.", most.num_seconds());
            channel.timeout = Some(span.filter(fits).ok_or_else(|| wrong(message(), at))?);
        }
        Some("backport-max-count") if style == Style::Backport => {
            let most = settings.most_events;
            let count = number("valuePositiveInt").filter(|count| (1..=most).contains(count));
            let message = || format!("backport-max-count must be from 1 to {most}.");
            channel.max_count = Some(count.ok_or_else(|| wrong(message(), at))?);
        }
        _ => return Err(unsupported("This extension is not allowed here.", at)),
    }
    Ok(())
}
