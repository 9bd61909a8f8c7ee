//! `onbehalf subscriptions`, over a database that a server has filled.

use domain::event::SubscriptionStatus;
use rstest::rstest;

use crate::event::stage::{Stage, draft};
use crate::support::{Backend, Folder, Receiver, ReceiverResponse};

#[rstest]
#[actix_web::test]
async fn operator_lists_subscriptions_and_switches_one_off(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    let receiver = Receiver::start(|one| {
        if one.json()["type"] == "handshake" {
            ReceiverResponse::status(200)
        } else {
            ReceiverResponse::With(503, "", "come back later")
        }
    });
    let id = stage.subscribe(draft(&receiver));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.publish(2);
    stage.wait_for_failures(id, 1);
    let folder = Folder::new();
    let (id, url) = (id.to_string(), stage.app.database_url());
    let run = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["subscriptions"].iter().chain(arguments).chain(&["--database", &url]).copied().collect();
        folder.run(&all)
    };
    let list = run(&[]).well();
    let line = list.lines().find(|line| line.starts_with(&id)).expect("it is listed");
    let fields: Vec<&str> = line.split('\t').collect();
    assert_eq!(fields[1..5], ["system", "rest-hook", "active", "2"]);
    assert_eq!(fields[8], "status: HTTP 503");
    assert!(!list.contains("127.0.0.1"), "an endpoint may hold a secret");
    let shown = run(&[&id]).well();
    assert!(
        shown.contains("event-notification 1-2: status HTTP 503") && shown.contains("come back later"),
        "{shown}"
    );
    assert!(shown.contains("handshake: taken HTTP 200"));
    run(&["off", &id]).well();
    let found = stage.wait_for_status(id.parse().unwrap(), SubscriptionStatus::Off);
    assert_eq!(found.error.as_deref(), Some("switched off by the operator"));
    let unknown = run(&["off", "00000000-0000-0000-0000-000000000000"]);
    assert_eq!((unknown.code, unknown.stderr.contains("unknown subscription")), (Some(1), true));
}
