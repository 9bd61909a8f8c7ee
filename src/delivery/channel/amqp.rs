//! The channel `message` to an AMQP 0-9-1 broker: a message is accepted when the broker has confirmed it and
//! routed it to a queue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lapin::Confirmation;
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::{AMQPAuthority, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::sync::Mutex;

use domain::event::DeliveryFailure;
use service::event::channel::broker_url::{BrokerCredentials, BrokerUrl, Protocol, lines};
use service::event::channel::sender::{OutboundMessage, SendResult};

/// The most open connections.
const MOST: usize = 64;
/// The failure of a message that the broker routed to no queue.
pub(crate) const UNROUTABLE: &str = "unroutable";
/// The delivery mode of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Host, virtual host, and login.
type Key = (String, String, BrokerCredentials);

/// Connections to AMQP brokers, each with one channel in confirm mode.
#[derive(Clone, Default)]
pub(super) struct Amqp {
    open: Arc<Mutex<HashMap<Key, Open>>>,
}

/// A connection and its channel. The connection must live as long as the channel.
type Open = (Arc<Connection>, Channel);

impl Amqp {
    /// Publishes a message, and waits until the broker has put it into a queue.
    pub(super) async fn send(
        &self,
        url: &BrokerUrl,
        outbound: &OutboundMessage,
        timeout: Duration,
    ) -> SendResult {
        let key = (url.authority(), url.path.clone(), BrokerCredentials::of(outbound));
        let result = tokio::time::timeout(timeout, self.publish(url, &key, outbound)).await;
        let outcome = result.unwrap_or(Err("timeout"));
        if outcome.is_err() {
            // Any error closes the channel.
            self.open.lock().await.remove(&key);
        }
        let outcome = outcome.map_err(DeliveryFailure::transient);
        SendResult { outcome, status: None, answer: None }
    }

    async fn publish(
        &self,
        url: &BrokerUrl,
        key: &Key,
        outbound: &OutboundMessage,
    ) -> Result<(), &'static str> {
        let channel = self.channel(url, key).await?;
        let mut headers = FieldTable::default();
        for (name, value) in lines(outbound) {
            headers.insert(name.into(), AMQPValue::LongString(value.into()));
        }
        let mut properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_message_id(outbound.message.id.as_str().into())
            .with_headers(headers);
        if let Some(kind) = outbound.message.content_type {
            properties = properties.with_content_type(kind.into());
        }
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let (exchange, routing_key) = (url.exchange.as_str().into(), url.routing_key.as_str().into());
        let sent =
            channel.basic_publish(exchange, routing_key, options, &outbound.message.body, properties).await;
        match sent.map_err(|error| code(&error))?.await.map_err(|error| code(&error))? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(BasicReturnMessage { .. })) => Err(UNROUTABLE),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err("refused"),
        }
    }

    async fn channel(&self, url: &BrokerUrl, key: &Key) -> Result<Channel, &'static str> {
        if let Some((_, channel)) = self.open.lock().await.get(key) {
            return Ok(channel.clone());
        }
        let userinfo = match &key.2 {
            BrokerCredentials::Password(name, password) => {
                AMQPUserInfo { username: name.clone(), password: password.clone() }
            }
            BrokerCredentials::Absent | BrokerCredentials::Token(_) => AMQPUserInfo::default(),
        };
        let is_tls = url.protocol == Protocol::Amqp { tls: true };
        let uri = AMQPUri {
            scheme: if is_tls { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
            authority: AMQPAuthority { userinfo, host: url.host.clone(), port: url.port },
            vhost: url.path.clone(),
            ..AMQPUri::default()
        };
        let properties = ConnectionProperties::default().with_connection_name("onbehalf".into());
        let connection = Connection::connect_uri(uri, properties).await;
        let connection = connection.map_err(|error| code(&error))?;
        let channel = connection.create_channel().await.map_err(|error| code(&error))?;
        let confirming = channel.confirm_select(ConfirmSelectOptions::default()).await;
        confirming.map_err(|error| code(&error))?;
        let mut open = self.open.lock().await;
        if open.len() >= MOST {
            open.clear();
        }
        open.insert(key.clone(), (Arc::new(connection), channel.clone()));
        Ok(channel)
    }
}

fn code(error: &lapin::Error) -> &'static str {
    let kind = error.kind();
    if matches!(kind, ErrorKind::IOError(_)) {
        "connect"
    } else if matches!(kind, ErrorKind::ProtocolError(_)) {
        "refused"
    } else {
        "broker"
    }
}
