//! `$status`: the status of subscriptions, and how many events they had (N-13).

use std::collections::HashMap;

use serde_json::{Value, json};

use super::input::{ids, inputs, wrong};
use crate::authorize;
use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::{FhirRequest, instance};
use crate::notification::{StatusParameters, parameters};
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use domain::account::Permission;
use domain::event::{Delivery, SubscriptionStatus};
use domain::proxy::Versioned;
use store::Tx;
use store::search::{Filter, PageQuery, SubscriptionField, Table};

/// The most subscriptions of a response; more than any owner has.
const MOST: i64 = 1000;

/// The status of one subscription, or of all that the caller owns: those with any of the ids, and any of the
/// statuses, where given.
pub(crate) fn status(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let filter = if request.target.id.is_some() {
        let (kind, id) = instance(request)?;
        read::find_or_gone(tx, context, kind, id, Permission::Read)?;
        Filter::text(Table::Subscriptions.id(), id)
    } else {
        asked(request)?
    };
    let table = Table::Subscriptions;
    let filter = authorize::restrict(context, ResourceType::Subscription, Permission::Read, filter)?;
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: MOST };
    let ids: Vec<String> =
        tx.search(&query, context.scope())?.into_iter().map(|position| position.id).collect();
    let deliveries: HashMap<String, Delivery> = tx.list_deliveries(&ids)?.into_iter().collect();
    let mut found = tx.list_subscriptions_by_id(&ids)?;
    found.sort_by_key(|subscription| subscription.value.id);
    let now = context.now();
    let entries = found.iter().map(|Versioned { value: subscription, .. }| {
        let delivery = deliveries.get(&subscription.id.to_string());
        let head = StatusParameters {
            subscription,
            status: subscription.status,
            kind: "query-status",
            events_since_start: delivery.map_or(0, |delivery| delivery.last_number),
            at: now,
            content: subscription.channel.content,
            id: "status".to_owned(),
        };
        json!({
            "fullUrl": format!("urn:uuid:{}", head.uuid()),
            "resource": parameters(context, &head, &[]),
            "search": { "mode": "match" },
        })
    });
    let entries: Vec<Value> = entries.collect();
    let mut bundle = json!({
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": base::date_time::render_instant(now),
        "total": entries.len(),
        "link": [{ "relation": "self", "url": format!("{}/{}", context.base, request.path) }],
    });
    if let (false, Some(members)) = (entries.is_empty(), bundle.as_object_mut()) {
        members.insert("entry".to_owned(), Value::Array(entries));
    }
    Ok(Reply::made(200, bundle))
}

/// The inputs of the operation on the type: several values of one are alternatives.
fn asked(request: &FhirRequest) -> Result<Filter, Refusal> {
    let mut all = Vec::new();
    let ids = ids(request)?;
    if !ids.is_empty() {
        all.push(Filter::OneOf(Table::Subscriptions.id(), ids));
    }
    let statuses = inputs(request, "status")?;
    if statuses.iter().any(|status| SubscriptionStatus::parse(status).is_none()) {
        let message = "The status of a subscription must be requested, active, error or off.";
        return Err(wrong(message, "status"));
    }
    if !statuses.is_empty() {
        all.push(Filter::one_of(SubscriptionField::Status, statuses));
    }
    Ok(Filter::All(all))
}
