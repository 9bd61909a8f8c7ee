//! `$attempts`: the attempts of delivery, newest first, and the state of delivery.

use serde_json::{Value, json};

use super::input::{answer, inputs, owned, wrong};
use crate::context::Context;
use crate::interaction::reply::Reply;
use crate::interaction::request::FhirRequest;
use crate::refusal::Refusal;
use base::date_time::render_instant;
use store::{AttemptRecord, Tx};

const DEFAULT_COUNT: i64 = 20;
const MOST: i64 = 100;

/// The last attempts, twenty unless `_count` is given.
pub(crate) fn attempts(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let subscription = owned(tx, context, request)?.value;
    let count = match inputs(request, "_count")?.first() {
        Some(text) => {
            let count = text.parse().ok().filter(|count: &i64| *count >= 0);
            count.ok_or_else(|| wrong("_count must be a whole number.", "_count"))?.min(MOST)
        }
        None => DEFAULT_COUNT,
    };
    let mut parameters = vec![json!({ "name": "status", "valueCode": subscription.status.as_str() })];
    let mut add = |name: &str, key: &str, value: Option<Value>| {
        if let Some(value) = value {
            let mut parameter = json!({ "name": name });
            if let Some(members) = parameter.as_object_mut() {
                members.insert(key.to_owned(), value);
            }
            parameters.push(parameter);
        }
    };
    if let Some(delivery) = tx.find_delivery(subscription.id)? {
        let text = |number: i64| Some(number.to_string().into());
        let instant = |at: Option<_>| at.map(render_instant).map(Value::from);
        add("lastNumber", "valueString", text(delivery.last_number));
        add("sentNumber", "valueString", text(delivery.sent_number));
        add("lag", "valueString", text(delivery.last_number - delivery.sent_number));
        add("failures", "valueString", text(delivery.failures));
        add("lastSuccess", "valueInstant", instant(delivery.succeeded_at));
        add("lastError", "valueString", delivery.last_error.map(Value::from));
        add("nextTry", "valueInstant", instant(delivery.due_at));
    }
    parameters.extend(tx.list_attempts(subscription.id, count)?.iter().map(render));
    Ok(Reply::made(200, answer(&parameters)))
}

fn render(attempt: &AttemptRecord) -> Value {
    let mut parts = vec![
        json!({ "name": "at", "valueInstant": render_instant(attempt.at) }),
        json!({ "name": "type", "valueCode": attempt.kind }),
        json!({ "name": "taken", "valueBoolean": attempt.is_taken }),
        json!({ "name": "duration", "valueQuantity": {
            "value": attempt.duration_ms, "unit": "ms", "system": "http://unitsofmeasure.org", "code": "ms",
        } }),
    ];
    let numbers = [("firstNumber", attempt.first_number), ("lastNumber", attempt.last_number)];
    for (name, number) in numbers {
        parts.extend(number.map(|number| json!({ "name": name, "valueString": number.to_string() })));
    }
    parts.extend(attempt.failure.as_ref().map(|code| json!({ "name": "failure", "valueString": code })));
    parts.extend(attempt.status.map(|status| json!({ "name": "httpStatus", "valueInteger": status })));
    let answer = attempt.answer.as_ref().filter(|answer| !answer.trim().is_empty());
    parts.extend(answer.map(|answer| json!({ "name": "answer", "valueString": answer })));
    json!({ "name": "attempt", "part": parts })
}
