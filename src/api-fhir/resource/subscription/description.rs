//! How subscriptions are found.

use crate::resource::definition::{Description, Storage};
use crate::search::param::{Param, SearchTarget};
use store::search::{Field, SubscriptionField, Table};

const STATUS: &str = "http://hl7.org/fhir/subscription-status";
const CHANNEL_TYPE: &str = "http://hl7.org/fhir/subscription-channel-type";
const MIME: &str = "urn:ietf:bcp:13";

pub(in crate::resource) static DESCRIPTION: Description = Description {
    storage: Storage::Rows {
        table: Table::Subscriptions,
        versions: Some(Table::SubscriptionVersions),
        updated_at: Field::Subscription(SubscriptionField::UpdatedAt),
    },
    params: PARAMS,
};

/// R4's parameters. `url` matches the endpoint without its query, which may contain a secret.
const PARAMS: &[Param] = &[
    Param::token("contact", SearchTarget::Contacts(Field::Subscription(SubscriptionField::Contacts))),
    Param::string(
        "criteria",
        SearchTarget::Text(
            Field::Subscription(SubscriptionField::Criteria),
            Field::Subscription(SubscriptionField::CriteriaFolded),
        ),
    ),
    Param::token("payload", SearchTarget::Token(Some(MIME), Field::Subscription(SubscriptionField::Payload))),
    Param::token("status", SearchTarget::Token(Some(STATUS), Field::Subscription(SubscriptionField::Status))),
    Param::token(
        "type",
        SearchTarget::Token(Some(CHANNEL_TYPE), Field::Subscription(SubscriptionField::ChannelType)),
    ),
    Param::uri("url", SearchTarget::Uri(Field::Subscription(SubscriptionField::Url))),
];
