//! `/metrics`, for Prometheus: to whoever shows the token of the settings.

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use ::web::app::App;
use ::web::observe::{Queues, log_failure};
use base::error::Error;

pub(super) fn configure(config: &mut ServiceConfig) {
    config.route("/metrics", web::get().to(metrics));
}

async fn metrics(app: Data<App>, request: HttpRequest) -> HttpResponse {
    let Some(expected) = app.metrics_token else { return HttpResponse::NotFound().finish() };
    let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|shown| shown.strip_prefix("Bearer "));
    // Digests are compared, so the time that takes tells nothing of the token.
    let digest: Option<[u8; 32]> = token.map(|token| Sha256::digest(token).into());
    if digest != Some(expected) {
        return HttpResponse::Unauthorized().insert_header((WWW_AUTHENTICATE, "Bearer")).finish();
    }
    app.metrics.note_long_writes(app.store.long_writes());
    let rendered = match queues(&app).await {
        Ok(queues) => app.metrics.render(queues, app.store.statements()),
        Err(error) => Err(error),
    };
    match rendered {
        Ok(text) => HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4")).body(text),
        Err(error) => {
            log_failure(&error);
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}

/// How deep the queues are: two statements over what waits.
async fn queues(app: &App) -> Result<Queues, Error> {
    let now = app.clock.now();
    let (waiting, unsent) =
        app.store.read(move |tx| Ok::<_, Error>((tx.count_waiting_events()?, tx.count_unsent(now)?))).await?;
    let seconds = |since: Option<DateTime<Utc>>| since.map_or(0, |since| (now - since).num_seconds().max(0));
    Ok(Queues {
        waiting: waiting.0,
        waiting_seconds: seconds(waiting.1),
        unsent: unsent.count,
        unsent_seconds: seconds(unsent.since),
        leases: unsent.leases,
    })
}
