//! `$get-ws-binding-token`: what a consumer shows when it opens a websocket (N-15).

use serde_json::json;
use uuid::Uuid;

use super::{answer, ids};
use crate::account::Letter;
use crate::date_time::render_instant;
use crate::event::{ChannelType, Subscription, SubscriptionStatus, command};
use crate::fhir::context::Context;
use crate::fhir::interaction::{Reply, Request, read};
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::{ResourceType, subscription};
use crate::store::Tx;

/// More subscriptions than anybody binds at a time.
const MOST: usize = 100;

/// A token for one subscription, or for those whose ids are given.
pub(in crate::fhir::interaction) fn binding_token(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &Request,
) -> Result<Reply, Refusal> {
    let wanted = request.target.id.as_ref().map_or_else(|| ids(request), |id| vec![id.clone()]);
    if wanted.is_empty() || wanted.len() > MOST {
        return Err(Refusal::invalid("Say which subscriptions: the parameter id, a hundred times at most."));
    }
    let mut bound: Vec<Uuid> = Vec::with_capacity(wanted.len());
    for id in &wanted {
        read::find_or_gone(tx, context, ResourceType::Subscription, id, Letter::Read)?;
        let found = subscription::find(tx, id)?.value;
        check(&found)?;
        if !bound.contains(&found.id) {
            bound.push(found.id);
        }
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

fn check(subscription: &Subscription) -> Result<(), Refusal> {
    if subscription.channel.kind != ChannelType::WebSocket {
        let told = "Only a subscription of the type websocket is bound to one.";
        return Err(Refusal::rule(told, "Subscription.channel.type"));
    }
    if subscription.status == SubscriptionStatus::Off {
        let told = "The subscription is off: ask for `requested` first.";
        return Err(Refusal::rule(told, "Subscription.status"));
    }
    Ok(())
}
