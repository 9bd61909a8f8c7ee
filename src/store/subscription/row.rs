//! Subscriptions and their versions as rows.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::owner;
use crate::error::corrupt;
use crate::schema::{subscription_versions, subscriptions};
use crate::search::normalize::normalized_words;
use base::date_time::{from_millis, to_millis};
use base::error::Error;
use domain::event::{
    Channel, ChannelType, FilterName, Payload, PayloadContent, Style, Subscription, SubscriptionFilter,
    SubscriptionSecrets, SubscriptionStatus, Topic, owner_key,
};
use domain::proxy::Versioned;

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = subscriptions, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct SubscriptionRow {
    pub(super) id: String,
    version: i64,
    updated_at: i64,
    status: String,
    error: Option<String>,
    is_deleted: bool,
    owner_key: String,
    owner: String,
    grant_id: Option<String>,
    style: String,
    topics: String,
    about: Option<String>,
    criteria: String,
    filters: String,
    channel_type: String,
    endpoint: Option<String>,
    url: Option<String>,
    contacts: Option<String>,
    payload: Option<String>,
    content: String,
    heartbeat_seconds: Option<i64>,
    timeout_seconds: Option<i64>,
    max_count: Option<i64>,
    end_at: Option<i64>,
    document: String,
    headers: String,
    secret: String,
    former_secret: Option<String>,
    former_until: Option<i64>,
    pub(super) is_set_aside: bool,
    criteria_folded: Option<String>,
}

impl SubscriptionRow {
    pub(super) fn of(subscription: &Versioned<Subscription>) -> Result<Self, Error> {
        let Versioned { value, version, updated_at } = subscription;
        let Channel { kind, endpoint, payload, content, heartbeat, timeout, max_count } = &value.channel;
        let topics: Vec<&str> = value.topics.iter().map(|topic| topic.as_str()).collect();
        let (former_secret, former_until) = match &value.secrets.former {
            Some((secret, until)) => (Some(secret.clone()), Some(to_millis(*until))),
            None => (None, None),
        };
        Ok(Self {
            id: value.id.to_string(),
            version: *version,
            updated_at: to_millis(*updated_at),
            status: value.status.as_str().to_owned(),
            error: value.error.clone(),
            is_deleted: value.is_deleted,
            owner_key: owner_key(&value.owner),
            owner: owner::write(&value.owner)?,
            grant_id: value.owner.grant.map(|grant| grant.to_string()),
            style: value.style.as_str().to_owned(),
            topics: topics.join(" "),
            about: value.about().map(|number| number.to_string()),
            criteria: value.criteria.clone(),
            filters: write_filters(&value.filters),
            channel_type: kind.as_str().to_owned(),
            endpoint: endpoint.clone(),
            url: endpoint.as_ref().and_then(|url| url.split('?').next()).map(str::to_owned),
            contacts: contacts_in(&value.document),
            payload: payload.map(|payload| payload.as_str().to_owned()),
            content: content.as_str().to_owned(),
            heartbeat_seconds: heartbeat.map(|span| span.num_seconds()),
            timeout_seconds: timeout.map(|span| span.num_seconds()),
            max_count: *max_count,
            end_at: value.end.map(to_millis),
            document: value.document.clone(),
            headers: value.secrets.headers.clone(),
            secret: value.secrets.signing.clone(),
            former_secret,
            former_until,
            is_set_aside: false,
            criteria_folded: normalized_words(&value.criteria),
        })
    }

    pub(super) fn into_subscription(self) -> Result<Versioned<Subscription>, Error> {
        let topics = self.topics.split(' ').map(Topic::parse).collect::<Option<Vec<_>>>();
        let payload = self.payload.map(|text| Payload::parse(&text).ok_or_else(|| corrupt("payload")));
        let channel = Channel {
            kind: ChannelType::parse(&self.channel_type).ok_or_else(|| corrupt("channel_type"))?,
            endpoint: self.endpoint,
            payload: payload.transpose()?,
            content: PayloadContent::parse(&self.content).ok_or_else(|| corrupt("content"))?,
            heartbeat: self.heartbeat_seconds.and_then(TimeDelta::try_seconds),
            timeout: self.timeout_seconds.and_then(TimeDelta::try_seconds),
            max_count: self.max_count,
        };
        let former = self.former_secret.zip(self.former_until.map(from_millis));
        let subscription = Subscription {
            id: Uuid::parse_str(&self.id).map_err(Error::fault)?,
            owner: owner::read(&self.owner)?,
            style: Style::parse(&self.style).ok_or_else(|| corrupt("style"))?,
            topics: topics.ok_or_else(|| corrupt("topics"))?,
            criteria: self.criteria,
            filters: read_filters(&self.filters)?,
            channel,
            status: SubscriptionStatus::parse(&self.status).ok_or_else(|| corrupt("status"))?,
            error: self.error,
            end: self.end_at.map(from_millis),
            document: self.document,
            is_deleted: self.is_deleted,
            secrets: SubscriptionSecrets { headers: self.headers, signing: self.secret, former },
        };
        Ok(Versioned { value: subscription, version: self.version, updated_at: from_millis(self.updated_at) })
    }
}

/// The contacts of a document, each as `system|value` between unit separators.
fn contacts_in(document: &str) -> Option<String> {
    let document: Value = serde_json::from_str(document).ok()?;
    let text = |contact: &Value, name: &str| contact.get(name).and_then(Value::as_str).map(str::to_owned);
    let one = |contact: &Value| {
        let system = text(contact, "system").unwrap_or_default();
        Some(format!("{system}|{}", text(contact, "value")?))
    };
    let all: Vec<String> = document.get("contact")?.as_array()?.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| format!("\u{1f}{}\u{1f}", all.join("\u{1f}")))
}

/// Filters as JSON: `[["status","active","inactive"]]`.
fn write_filters(filters: &[SubscriptionFilter]) -> String {
    let one = |filter: &SubscriptionFilter| {
        let name = std::iter::once(filter.name.as_str());
        json!(name.chain(filter.values.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    Value::Array(filters.iter().map(one).collect()).to_string()
}

fn read_filters(text: &str) -> Result<Vec<SubscriptionFilter>, Error> {
    let all: Vec<Vec<String>> = serde_json::from_str(text).map_err(Error::fault)?;
    let one = |parts: Vec<String>| {
        let mut parts = parts.into_iter();
        let name =
            parts.next().and_then(|name| FilterName::parse(&name)).ok_or_else(|| corrupt("filters"))?;
        Ok(SubscriptionFilter { name, values: parts.collect() })
    };
    all.into_iter().map(one).collect()
}

/// A version of a subscription, as its history shows it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of Subscription")]
pub struct SubscriptionVersion {
    pub id: String,
    pub version: i64,
    pub updated_at: DateTime<Utc>,
    pub status: SubscriptionStatus,
    pub error: Option<String>,
    pub is_deleted: bool,
    pub document: String,
    /// Encrypted.
    pub headers: String,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = subscription_versions, treat_none_as_default_value = false)]
pub(super) struct VersionRow {
    pub(super) id: String,
    pub(super) version: i64,
    updated_at: i64,
    status: String,
    error: Option<String>,
    is_deleted: bool,
    owner_key: String,
    document: String,
    headers: String,
}

impl VersionRow {
    pub(super) fn of(row: &SubscriptionRow) -> Self {
        Self {
            id: row.id.clone(),
            version: row.version,
            updated_at: row.updated_at,
            status: row.status.clone(),
            error: row.error.clone(),
            is_deleted: row.is_deleted,
            owner_key: row.owner_key.clone(),
            document: row.document.clone(),
            headers: row.headers.clone(),
        }
    }

    pub(super) fn into_version(self) -> Result<SubscriptionVersion, Error> {
        Ok(SubscriptionVersion {
            id: self.id,
            version: self.version,
            updated_at: from_millis(self.updated_at),
            status: SubscriptionStatus::parse(&self.status).ok_or_else(|| corrupt("status"))?,
            error: self.error,
            is_deleted: self.is_deleted,
            document: self.document,
            headers: self.headers,
        })
    }
}
