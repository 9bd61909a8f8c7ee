//! `$secret` and `$rotate-secret`: the secret that signs deliveries (Standard Webhooks). Its owner reads it,
//! and rotates it.

use serde_json::{Value, json};

use super::input::{answer, owned};
use crate::context::{Context, Subscribing};
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::{FhirRequest, instance};
use crate::refusal::Refusal;
use base::date_time::render_instant;
use domain::event::Subscription;
use service::event as command;
use store::Tx;

/// The current secret.
pub(crate) fn secret(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let Subscribing { vault, .. } = context.subscribing()?;
    let subscription = owned(tx, context, request)?.value;
    let secret = command::open_signing(vault, &subscription.secrets.signing)?;
    Ok(Reply { is_secret: true, ..Reply::made(200, secret_parameters(&secret, &subscription)) })
}

/// A new secret. The previous one signs too for a while.
pub(crate) fn rotate_secret(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Reply, Refusal> {
    let Subscribing { vault, settings } = context.subscribing()?;
    let (kind, id) = instance(request)?;
    read::lock(tx, kind, id)?;
    let subscription = owned(tx, context, request)?.value;
    let former = settings.former_secret;
    let (secret, subscription) = command::rotate_secret(tx, &*context.clock, vault, subscription, former)?;
    Ok(Reply { is_secret: true, ..Reply::made(200, secret_parameters(&secret, &subscription)) })
}

fn secret_parameters(secret: &str, subscription: &Subscription) -> Value {
    let mut parameters = vec![json!({ "name": "secret", "valueString": secret })];
    if let Some((_, until)) = &subscription.secrets.former {
        parameters.push(json!({ "name": "formerValidUntil", "valueInstant": render_instant(*until) }));
    }
    answer(&parameters)
}
