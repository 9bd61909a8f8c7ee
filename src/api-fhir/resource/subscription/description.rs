//! How subscriptions are found.

use crate::resource::kind::{Backing, Description};
use crate::search::param::{Index, Param};
use store::search::{Field, SubscriptionField, Table};

const STATUS: &str = "http://hl7.org/fhir/subscription-status";
const CHANNEL_TYPE: &str = "http://hl7.org/fhir/subscription-channel-type";
const MIME: &str = "urn:ietf:bcp:13";

pub(in crate::resource) static DESCRIPTION: Description = Description {
    backing: Backing::Rows {
        table: Table::Subscriptions,
        versions: Some(Table::SubscriptionVersions),
        updated_at: Field::Subscription(SubscriptionField::UpdatedAt),
    },
    params: PARAMS,
};

/// R4's parameters. `url` matches the endpoint without its query, which may contain a secret.
const PARAMS: &[Param] = &[
    Param::token("contact", Index::Contacts(Field::Subscription(SubscriptionField::Contacts))),
    Param::string(
        "criteria",
        Index::Text(
            Field::Subscription(SubscriptionField::Criteria),
            Field::Subscription(SubscriptionField::CriteriaFolded),
        ),
    ),
    Param::token("payload", Index::Token(Some(MIME), Field::Subscription(SubscriptionField::Payload))),
    Param::token("status", Index::Token(Some(STATUS), Field::Subscription(SubscriptionField::Status))),
    Param::token(
        "type",
        Index::Token(Some(CHANNEL_TYPE), Field::Subscription(SubscriptionField::ChannelType)),
    ),
    Param::uri("url", Index::Uri(Field::Subscription(SubscriptionField::Url))),
];
