//! `$get-ws-binding-token`: the token that a subscriber sends after opening a web socket (N-15).

use std::collections::{HashMap, HashSet};

use serde_json::json;
use uuid::Uuid;

use super::input::{answer, ids};
use crate::authorize;
use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::FhirRequest;
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use base::date_time::render_instant;
use domain::account::Permission;
use domain::event::{ChannelType, Subscription, SubscriptionStatus};
use service::event as command;
use store::Tx;
use store::search::{Filter, PageQuery, Table};

/// The most subscriptions of one token.
const MOST: usize = 100;

/// A token for one subscription, or for those with the given ids.
pub(crate) fn binding_token(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Reply, Refusal> {
    let mut wanted = match &request.target.id {
        Some(id) => vec![id.clone()],
        None => ids(request)?,
    };
    if wanted.is_empty() || wanted.len() > MOST {
        return Err(Refusal::invalid("Name the subscriptions by the parameter id, at most a hundred times."));
    }
    let mut known = HashSet::new();
    wanted.retain(|id| known.insert(id.clone()));
    let mut found = find_all(tx, context, &wanted)?;
    let mut bound: Vec<Uuid> = Vec::with_capacity(wanted.len());
    for id in &wanted {
        let Some(subscription) = found.remove(id) else {
            read::find_or_gone(tx, context, ResourceType::Subscription, id, Permission::Read)?;
            return Err(Refusal::not_found());
        };
        check(&subscription)?;
        bound.push(subscription.id);
    }
    let binding = command::bind(tx, &*context.clock, &context.caller, &bound)?;
    let mut parameters = vec![
        json!({ "name": "token", "valueString": binding.token }),
        json!({ "name": "expiration", "valueDateTime": render_instant(binding.expires_at) }),
    ];
    parameters
        .extend(bound.iter().map(|id| json!({ "name": "subscription", "valueString": id.to_string() })));
    parameters.push(json!({ "name": "websocket-url", "valueUrl": context.websocket() }));
    Ok(Reply { is_secret: true, ..Reply::made(200, answer(&parameters)) })
}

/// The subscriptions among these that the caller may read, by id: two statements.
fn find_all(
    tx: &mut Tx<'_>,
    context: &Context,
    ids: &[String],
) -> Result<HashMap<String, Subscription>, Refusal> {
    let table = Table::Subscriptions;
    let filter = Filter::OneOf(table.id(), ids.to_vec());
    let filter = authorize::restrict(context, ResourceType::Subscription, Permission::Read, filter)?;
    let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit };
    let found: Vec<String> = tx.search(&query, context.scope())?.into_iter().map(|row| row.id).collect();
    let all = tx.list_subscriptions_by_id(&found)?;
    Ok(all.into_iter().map(|one| (one.value.id.to_string(), one.value)).collect())
}

fn check(subscription: &Subscription) -> Result<(), Refusal> {
    if subscription.channel.kind != ChannelType::WebSocket {
        let message = "Only a subscription with the channel type websocket can be bound.";
        return Err(Refusal::rule(message, "Subscription.channel.type"));
    }
    if subscription.status == SubscriptionStatus::Off {
        let message = "The subscription is off: set its status to `requested` first.";
        return Err(Refusal::rule(message, "Subscription.status"));
    }
    Ok(())
}
