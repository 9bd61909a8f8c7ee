//! The channel `message` to NATS JetStream: a message is accepted when a stream has acknowledged it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{Context, PublishErrorKind};
use async_nats::{ConnectErrorKind, ConnectOptions, HeaderMap, jetstream};
use tokio::sync::Mutex;

use domain::event::DeliveryFailure;
use service::event::channel::broker_url::{BrokerCredentials, BrokerUrl, Protocol, lines};
use service::event::channel::sender::{OutboundMessage, SendResult};

/// The most open connections.
const MOST: usize = 64;
/// The failure of a message whose subject belongs to no stream.
pub(crate) const NO_STREAM: &str = "no-stream";

/// Connections to NATS servers.
#[derive(Clone, Default)]
pub(super) struct Nats {
    open: Arc<Mutex<HashMap<(String, BrokerCredentials), Context>>>,
}

impl Nats {
    /// Publishes a message, and waits for a stream's acknowledgement. The message id is that of the
    /// notification, by which JetStream drops a duplicate (`Nats-Msg-Id`).
    pub(super) async fn send(
        &self,
        url: &BrokerUrl,
        outbound: &OutboundMessage,
        timeout: Duration,
    ) -> SendResult {
        let key = (url.authority(), BrokerCredentials::of(outbound));
        let result = tokio::time::timeout(timeout, self.publish(url, &key, outbound, timeout)).await;
        let outcome = result.unwrap_or(Err("timeout"));
        if outcome.is_err() {
            // After any error the next attempt begins with a new connection.
            self.open.lock().await.remove(&key);
        }
        let outcome = outcome.map_err(DeliveryFailure::transient);
        SendResult { outcome, status: None, answer: None }
    }

    async fn publish(
        &self,
        url: &BrokerUrl,
        key: &(String, BrokerCredentials),
        outbound: &OutboundMessage,
        timeout: Duration,
    ) -> Result<(), &'static str> {
        let context = self.context(url, key, timeout).await?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", outbound.message.id.as_str());
        for (name, value) in lines(outbound) {
            headers.insert(name, value);
        }
        let published =
            context.publish_with_headers(url.path.clone(), headers, outbound.message.body.clone().into());
        let acknowledged = published.await.map_err(|error| code(error.kind()))?;
        acknowledged.await.map_err(|error| code(error.kind()))?;
        Ok(())
    }

    async fn context(
        &self,
        url: &BrokerUrl,
        key: &(String, BrokerCredentials),
        timeout: Duration,
    ) -> Result<Context, &'static str> {
        if let Some(context) = self.open.lock().await.get(key) {
            return Ok(context.clone());
        }
        let options = ConnectOptions::new()
            .connection_timeout(timeout)
            .request_timeout(Some(timeout))
            .max_reconnects(1)
            .ignore_discovered_servers()
            .require_tls(url.protocol == Protocol::Nats { tls: true });
        let options = match &key.1 {
            BrokerCredentials::Absent => options,
            BrokerCredentials::Password(name, password) => {
                options.user_and_password(name.clone(), password.clone())
            }
            BrokerCredentials::Token(token) => options.token(token.clone()),
        };
        let client =
            options.connect(format!("nats://{}", key.0)).await.map_err(|error| match error.kind() {
                ConnectErrorKind::Dns => "dns",
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                    "authentication"
                }
                ConnectErrorKind::TimedOut => "timeout",
                ConnectErrorKind::Tls => "tls",
                ConnectErrorKind::ServerParse | ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
                    "connect"
                }
            })?;
        let context = jetstream::new(client);
        let mut open = self.open.lock().await;
        if open.len() >= MOST {
            open.clear();
        }
        open.insert(key.clone(), context.clone());
        Ok(context)
    }
}

fn code(kind: PublishErrorKind) -> &'static str {
    match kind {
        PublishErrorKind::StreamNotFound => NO_STREAM,
        PublishErrorKind::TimedOut => "timeout",
        PublishErrorKind::BrokenPipe => "connect",
        PublishErrorKind::MaxPayloadExceeded => "too-large",
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::Other => "refused",
    }
}
