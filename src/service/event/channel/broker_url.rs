//! URLs and credentials of message brokers.
//!
//! - NATS JetStream: `nats://HOST:PORT/SUBJECT`, with TLS `tls://…`. A stream must hold the subject.
//! - AMQP 0-9-1: `amqp://HOST:PORT/VHOST/EXCHANGE?routing_key=KEY`, with TLS `amqps://…`. Without an exchange the
//!   default one, whose routing keys are the names of queues.
//!
//! Credentials are in the subscription's header `Authorization`, which is stored encrypted; never in the URL.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::event::channel::sender::OutboundMessage;

/// The protocol, and whether it uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// NATS.
    Nats {
        /// With TLS.
        tls: bool,
    },
    /// AMQP 0-9-1.
    Amqp {
        /// With TLS.
        tls: bool,
    },
}

/// The URL of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// The protocol.
    pub protocol: Protocol,
    /// The name or the address of the host; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The subject, or the virtual host.
    pub path: String,
    /// The exchange; empty for the default one.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
}

/// The text is not the URL of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a broker")]
pub struct NotABroker;

impl BrokerUrl {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// [`NotABroker`] for another URL, or one with credentials.
    pub fn parse(text: &str) -> Result<Self, NotABroker> {
        // The URL parser would drop some of these.
        if text.contains(|letter: char| letter == ' ' || letter.is_control()) {
            return Err(NotABroker);
        }
        let url = Url::parse(text).or(Err(NotABroker))?;
        let (protocol, default_port) = match url.scheme() {
            "nats" => (Protocol::Nats { tls: false }, 4222),
            "tls" => (Protocol::Nats { tls: true }, 4222),
            "amqp" => (Protocol::Amqp { tls: false }, 5672),
            "amqps" => (Protocol::Amqp { tls: true }, 5671),
            _ => return Err(NotABroker),
        };
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(NotABroker);
        }
        let host = match url.host().ok_or(NotABroker)? {
            Host::Domain(name) if is_host(name) => name.to_owned(),
            Host::Domain(_) => return Err(NotABroker),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let mut segments = url.path_segments().ok_or(NotABroker)?.map(decoded);
        let first = segments.next().ok_or(NotABroker)??;
        let exchange = segments.next().transpose()?;
        let mut params = url.query_pairs();
        let routing_key = params.find(|(name, _)| name == "routing_key").map(|(_, key)| key.into_owned());
        let is_whole = segments.next().is_none() && !first.is_empty() && first.len() <= 255;
        let is_fit = match protocol {
            Protocol::Nats { .. } => is_subject(&first) && exchange.is_none() && url.query().is_none(),
            Protocol::Amqp { .. } => {
                routing_key.as_ref().is_some_and(|key| key.len() <= 255)
                    && exchange.as_ref().is_none_or(|exchange| exchange.len() <= 255)
            }
        };
        if !is_whole || !is_fit {
            return Err(NotABroker);
        }
        Ok(Self {
            protocol,
            host,
            port: url.port().unwrap_or(default_port),
            path: first,
            exchange: exchange.unwrap_or_default(),
            routing_key: routing_key.unwrap_or_default(),
        })
    }

    /// Host and port, as `subscriptions.allowed_brokers` lists them.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// A subject to publish to: words with full stops between them, without wildcards.
fn is_subject(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !b"*>$".contains(&byte))
    };
    text.split('.').all(is_word)
}

/// A broker's host name is plain: nothing in it is encoded.
fn is_host(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn decoded(text: &str) -> Result<String, NotABroker> {
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).or(Err(NotABroker))
}

/// The credentials for a broker.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum BrokerCredentials {
    /// Without credentials.
    Absent,
    /// With a name and a password (`Authorization: Basic`).
    Password(String, String),
    /// With a token (`Authorization: Bearer`).
    Token(String),
}

impl BrokerCredentials {
    /// Reads them from the headers of a message.
    pub fn of(outbound: &OutboundMessage) -> Self {
        let line = outbound.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let Some((scheme, value)) = line.and_then(|(_, value)| value.split_once(' ')) else {
            return Self::Absent;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Token(value.trim().to_owned());
        }
        let pair = STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match pair.as_deref().and_then(|pair| pair.split_once(':')) {
            Some((name, password)) if scheme.eq_ignore_ascii_case("basic") => {
                Self::Password(name.to_owned(), password.to_owned())
            }
            _ => Self::Absent,
        }
    }
}

/// The headers that go with the message: all but the credentials.
pub fn lines(outbound: &OutboundMessage) -> impl Iterator<Item = (&str, &str)> {
    let lines = outbound.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    let content_type = outbound.message.content_type.map(|kind| ("content-type", kind));
    lines.map(|(name, value)| (name.as_str(), value.as_str())).chain(content_type)
}

#[cfg(test)]
mod tests {
    use super::{BrokerUrl, Protocol};

    #[test]
    fn broker_url_is_parsed() {
        let nats = BrokerUrl::parse("nats://127.0.0.1/proxy.roles").unwrap();
        assert_eq!((nats.authority().as_str(), nats.path.as_str()), ("127.0.0.1:4222", "proxy.roles"));
        assert_eq!(BrokerUrl::parse("tls://[::1]:42/a").unwrap().authority(), "[::1]:42");
        let amqp =
            BrokerUrl::parse("amqps://mq.example.nhs.uk/%2F/proxies?routing_key=role.changed").unwrap();
        assert_eq!(amqp.protocol, Protocol::Amqp { tls: true });
        assert_eq!((amqp.path.as_str(), amqp.exchange.as_str(), amqp.port), ("/", "proxies", 5671));
        assert_eq!(amqp.routing_key, "role.changed");
        assert_eq!(BrokerUrl::parse("amqp://mq/%2F?routing_key=queue").unwrap().exchange, "");
    }

    #[test]
    fn invalid_broker_url_is_rejected() {
        for text in [
            "https://mq/a",
            "nats://mq",
            "nats://mq/",
            "nats://user:secret@mq/a",
            "nats://mq/a.*",
            "nats://mq/a..b",
            "nats://mq/a/b",
            "nats://mq:port/a",
            "nats://m q/a",
            "amqp://mq/%2F/x",
            "amqp://mq/%2F/x/y?routing_key=z",
            "amqp:///x?routing_key=z",
            "amqp://mq/%FF?routing_key=z",
        ] {
            assert!(BrokerUrl::parse(text).is_err(), "{text}");
        }
    }
}
