//! `Subscription.channel.header`: headers that are sent with every notification. They may contain secrets,
//! and must not change the request itself (N-28).

use serde_json::Value;

use super::refusal::{unsupported, wrong};
use crate::refusal::Refusal;
use domain::event::{ChannelType, DELIVERY};

/// The most headers.
const MOST: usize = 20;
const LONGEST: usize = 4096;

/// Headers that belong to the connection, to the message, or to the signature.
const RESERVED: [&str; 21] = [
    "connection",
    "content-encoding",
    "content-language",
    "content-location",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The validated headers of a body.
pub(super) fn read(body: &Value, kind: ChannelType) -> Result<Vec<String>, Refusal> {
    let lines = body.pointer("/channel/header").and_then(Value::as_array);
    let lines: Vec<&str> = lines.into_iter().flatten().filter_map(Value::as_str).collect();
    if kind == ChannelType::WebSocket && !lines.is_empty() {
        let message = "A websocket has no headers: leave the header out.";
        return Err(unsupported(message, "Subscription.channel.header"));
    }
    if lines.len() > MOST {
        return Err(wrong("Give at most twenty headers.", "Subscription.channel.header"));
    }
    for (number, line) in lines.iter().enumerate() {
        check(line).map_err(|message| wrong(message, format!("Subscription.channel.header[{number}]")))?;
    }
    Ok(lines.into_iter().map(str::to_owned).collect())
}

fn check(line: &str) -> Result<(), &'static str> {
    let malformed = "A header must be written Name: value, in visible ASCII, with at most 4096 bytes.";
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let (name, value) = line.split_once(':').ok_or(malformed)?;
    let is_name = !name.is_empty() && name.bytes().all(is_token);
    let is_value = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !is_name || !is_value || line.len() > LONGEST {
        return Err(malformed);
    }
    let name = name.to_ascii_lowercase();
    // `ce-` headers make a CloudEvent in the binary mode of HTTP: a subscriber must not turn notifications
    // into other events.
    let is_reserved = RESERVED.contains(&name.as_str())
        || name == DELIVERY
        || ["webhook-", "ce-", "x-forwarded-", "sec-"].iter().any(|prefix| name.starts_with(prefix));
    if is_reserved {
        return Err("This header is reserved.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    // covers N-28
    #[test]
    fn channel_header_that_would_change_the_http_request_is_rejected() {
        for line in ["Authorization: Bearer a.b~c", "X-Key:1", "X-Empty: ", "Accept: */*"] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
        let long = format!("X: {}", "a".repeat(4096));
        for line in [
            "",
            "X",
            ": a",
            "X Y: a",
            "X: a\r\nY: b",
            "X: a\nY: b",
            "X: \u{0}",
            "X: é",
            "Ü: a",
            &long,
            "Host: a",
            "content-length: 1",
            "Transfer-Encoding: chunked",
            "COOKIE: a",
            "Connection: close",
            "Upgrade: h2c",
            "webhook-signature: v1,a",
            "ce-type: pds-death-notification-1",
            "CE-id: 1",
            "OnBehalf-Delivery: 1",
            "X-Forwarded-For: 127.0.0.1",
            "Forwarded: for=127.0.0.1",
            "Content-Location: /",
            "Webhook-Id: a",
            "Content-Type: text/plain",
            "X\t: a",
        ] {
            assert!(check(line).is_err(), "{line:?}");
        }
    }
}
