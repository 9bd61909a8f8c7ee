//! `/metrics`, for Prometheus, protected by the token of the settings.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use ::web::credentials::bearer;
use ::web::gate::Gate;
use ::web::observe::{Metrics, Queues, log_failure};
use base::error::Error;

/// The SHA-256 of the token of `/metrics`; `None`: the route does not exist.
#[derive(Clone, Copy)]
pub(super) struct MetricsToken(pub(super) Option<[u8; 32]>);

const NO_TOKEN: &str = "There are no metrics here: the setting health.metrics_token_sha256 is empty.\n";
const WRONG_TOKEN: &str =
    "Provide the bearer token of health.metrics_token_sha256: `Authorization: Bearer <token>`.\n";
const UNAVAILABLE: &str = "The database does not respond.\n";

pub(super) fn configure(config: &mut ServiceConfig) {
    config.route("/metrics", web::get().to(metrics));
}

async fn metrics(
    gate: Data<Gate>,
    metrics: Data<Metrics>,
    token: Data<MetricsToken>,
    request: HttpRequest,
) -> HttpResponse {
    let Some(expected) = token.0 else { return refuse(StatusCode::NOT_FOUND, NO_TOKEN) };
    let shown = bearer(&request);
    // Digests are compared, so the duration of the comparison reveals nothing about the token.
    let digest: Option<[u8; 32]> = shown.map(|token| Sha256::digest(token).into());
    if digest != Some(expected) {
        let mut response = refuse(StatusCode::UNAUTHORIZED, WRONG_TOKEN);
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    metrics.note_long_writes(gate.store.long_writes());
    let rendered = match queues(&gate).await {
        Ok(queues) => metrics.render(queues, gate.store.statements()),
        Err(error) => Err(error),
    };
    match rendered {
        Ok(text) => HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4")).body(text),
        Err(error) => {
            log_failure(&error);
            refuse(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
        }
    }
}

fn refuse(status: StatusCode, why: &'static str) -> HttpResponse {
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(why)
}

/// The depth of the queues: two statements over undelivered events.
async fn queues(gate: &Gate) -> Result<Queues, Error> {
    let now = gate.clock.now();
    let (waiting, unsent) = gate
        .store
        .read(move |tx| Ok::<_, Error>((tx.count_waiting_events()?, tx.count_unsent(now)?)))
        .await?;
    let seconds = |since: Option<DateTime<Utc>>| since.map_or(0, |since| (now - since).num_seconds().max(0));
    Ok(Queues {
        waiting: waiting.0,
        waiting_seconds: seconds(waiting.1),
        unsent: unsent.count,
        unsent_seconds: seconds(unsent.since),
        leases: unsent.leases,
    })
}
