//! Expired data are removed, and nothing else.

use chrono::TimeDelta;
use domain::account::{Code, Principal, RefreshToken};
use rstest::rstest;
use service::job::settings::Jobs;
use store::ReceivedEvent;

use super::{job, runner_with, settings, write};
use crate::support::{Backend, Options, TestApp, token};

#[rstest]
#[actix_web::test]
async fn expired_rows_are_purged_in_batches(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let options = Options { registrations: vec![token::registration()], ..Options::default() };
    let app = TestApp::start(backend, options).await;
    let principal = Principal::System { name: "a system".to_owned() };
    let grant = app.claims(&principal, "system/Consent.r").await.grant;
    let now = app.now();
    write(&app, move |tx| {
        for number in 0..5 {
            let (digest, expires_at) = (format!("digest {number}"), now + TimeDelta::hours(1));
            let code = Code {
                grant,
                redirect_uri: "https://app.example/callback".to_owned(),
                challenge: "x".to_owned(),
                nonce: None,
                dpop_jkt: None,
                expires_at,
            };
            tx.insert_code(&digest, &code)?;
            tx.insert_refresh_token(&digest, &RefreshToken { grant, dpop_jkt: None, expires_at })?;
            tx.insert_if_unused(&digest, expires_at)?;
        }
        let event = ReceivedEvent { source: "a", id: "1", kind: "x", occurred_at: now };
        tx.insert_if_new(&event, now)
    })
    .await;
    let runner = runner_with(&app, Jobs { batch: 2, ..settings() });
    let counts =
        || ["codes", "refresh_tokens", "seen_once", "grants", "inbound_events"].map(|it| app.count_rows(it));
    runner.run_due();
    assert_eq!(counts(), [5, 5, 5, 1, 1]);
    app.clock.advance(TimeDelta::hours(26));
    runner.run_due();
    assert_eq!(counts(), [0, 0, 0, 1, 1]);
    assert_eq!(job(&app, "purge").await.done, 15);
    // The grant is good for 30 days, and kept for 90 more.
    app.clock.advance(TimeDelta::days(118));
    runner.run_due();
    assert_eq!(counts(), [0, 0, 0, 1, 1]);
    app.clock.advance(TimeDelta::days(3));
    runner.run_due();
    assert_eq!(counts(), [0, 0, 0, 0, 1]);
    app.clock.advance(TimeDelta::days(300));
    runner.run_due();
    assert_eq!(counts(), [0, 0, 0, 0, 0]);
}
