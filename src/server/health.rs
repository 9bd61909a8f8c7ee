//! `/health` (the process is running) and `/ready` (it can serve requests), for the orchestrator.

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{self, Data, ServiceConfig};
use serde_json::json;

use crate::drain::Drain;
use ::web::gate::Gate;
use ::web::observe::log_failure;
use base::error::Error;

pub(super) fn configure(config: &mut ServiceConfig) {
    config.route("/health", web::get().to(health)).route("/ready", web::get().to(ready));
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

/// Whether the database answers and has the schema of this program.
async fn ready(gate: Data<Gate>, drain: Data<Drain>) -> HttpResponse {
    if drain.is_on() {
        return HttpResponse::ServiceUnavailable().json(json!({ "status": "stopping" }));
    }
    let current: Result<bool, Error> = gate.store.check_current().await;
    match current {
        Ok(true) => HttpResponse::Ok().json(json!({ "status": "ready" })),
        Ok(false) => unready("migrations are pending"),
        Err(error) => {
            log_failure(&error);
            unready("the database does not respond")
        }
    }
}

fn unready(status: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "1")).json(json!({ "status": status }))
}
