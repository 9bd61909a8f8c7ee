//! `_ping` and `_status` (contract §1.1): the only responses of this API that are plain JSON.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::catalogue;
use crate::problem::VrsError;
use ::web::gate::Gate;
use base::error::Error;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The SHA-256 of the key of `_status`; `None`: the route does not exist.
#[derive(Clone, Copy)]
pub struct StatusKey(pub Option<[u8; 32]>);

/// The process is running; reports its version.
pub(crate) async fn ping() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "version": VERSION, "revision": VERSION, "releaseId": VERSION, "commitId": VERSION,
    }))
}

/// Whether the service works, for callers with the key.
pub(crate) async fn status(
    gate: Data<Gate>,
    key: Data<StatusKey>,
    request: HttpRequest,
) -> Result<HttpResponse, VrsError> {
    let shown = request.headers().get("apikey").map(|key| <[u8; 32]>::from(Sha256::digest(key.as_bytes())));
    if shown.is_none() || shown != key.0 {
        return Err(catalogue::ACCESS_DENIED);
    }
    let answered: Result<_, Error> = gate.store.read(|tx| tx.find_setting("sandbox")).await;
    let (status, code, outcome) =
        if answered.is_ok() { ("pass", 200, "database answers") } else { ("fail", 503, "database is away") };
    Ok(HttpResponse::Ok().json(json!({
        "status": status,
        "version": VERSION, "revision": VERSION, "releaseId": VERSION, "commitId": VERSION,
        "checks": { "healthcheck": {
            "status": status,
            "timeout": "false",
            "responseCode": code,
            "outcome": outcome,
            "links": { "self": format!("{}/ready", gate.public_url) },
        }},
    })))
}
