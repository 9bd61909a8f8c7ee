//! batch and transaction (<https://hl7.org/fhir/R4/http.html#transaction>).

mod entry;
mod links;
mod plan;
mod refusal;
mod transaction;
mod turns;

use serde_json::{Map, Value, json};

use crate::interaction::reply::Reply;
use crate::refusal::Refusal;
use fhir::outcome::{Issue, IssueType, operation_outcome};

pub(crate) use entry::{BundleEntry, read};
pub(crate) use plan::Plan;
pub(crate) use refusal::in_entry;
pub(crate) use transaction::{Undone, run};
pub use turns::BundleTurns;

/// The type of a Bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BundleType {
    /// `batch`: each entry by itself.
    Batch,
    /// `transaction`: all entries or none.
    Transaction,
}

/// Reads the type. Only these two are supported (B-09).
pub(crate) fn type_of(bundle: &Value) -> Result<BundleType, Refusal> {
    if bundle.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
        return Err(Refusal::invalid("Send a Bundle of type batch or transaction to this URL."));
    }
    match bundle.get("type").and_then(Value::as_str) {
        Some("batch") => Ok(BundleType::Batch),
        Some("transaction") => Ok(BundleType::Transaction),
        _ => {
            let message = "This server processes Bundles of type batch and transaction.";
            Err(Refusal::new(400, Issue::error(IssueType::NotSupported, message).at("Bundle.type")))
        }
    }
}

/// The response to an entry.
pub(crate) fn answer(reply: Reply) -> Value {
    let mut response = Map::new();
    response.insert("status".to_owned(), status_line(reply.status).into());
    if let Some(location) = reply.location {
        response.insert("location".to_owned(), location.into());
    }
    if let Some(version) = reply.version {
        response.insert("etag".to_owned(), format!("W/\"{version}\"").into());
    }
    if let Some(at) = reply.last_modified {
        response.insert("lastModified".to_owned(), base::date_time::render_instant(at).into());
    }
    let mut entry = Map::new();
    if let Some(body) = reply.body {
        entry.insert("resource".to_owned(), body.into_tree());
    }
    entry.insert("response".to_owned(), Value::Object(response));
    Value::Object(entry)
}

/// The response to a refused entry.
pub(crate) fn refuse(refusal: &Refusal) -> Value {
    json!({ "response": {
        "status": status_line(refusal.status),
        "outcome": operation_outcome(&refusal.issues),
    }})
}

/// The response Bundle, in the order of the request.
pub(crate) fn response(kind: BundleType, entries: Vec<Value>) -> Value {
    let name = match kind {
        BundleType::Batch => "batch-response",
        BundleType::Transaction => "transaction-response",
    };
    let mut bundle = Map::new();
    bundle.insert("resourceType".to_owned(), "Bundle".into());
    bundle.insert("type".to_owned(), name.into());
    if !entries.is_empty() {
        bundle.insert("entry".to_owned(), Value::Array(entries));
    }
    Value::Object(bundle)
}

fn status_line(status: u16) -> String {
    let reason =
        actix_web::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    format!("{status} {}", reason.unwrap_or_default()).trim_end().to_owned()
}
