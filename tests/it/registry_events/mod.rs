//! Registry events about people.

mod deaths;
mod facts;
mod numbers;
mod order;
mod refusals;

use serde_json::{Value, json};

use crate::support::{Request, Response, TestApp};

pub const DEATH: &str = "pds-death-notification-1";
pub const NUMBER: &str = "pds-nhs-number-change-1";
pub const INVALID: &str = "pds-nhs-number-invalidation-1";
pub const RESTRICTED: &str = "pds-restriction-1";
pub const LIFTED: &str = "pds-restriction-lifted-1";
pub const MOVED: &str = "pds-change-of-gp-1";

/// An event at noon of this day of November 2026.
pub fn event(kind: &str, subject: &str, day: u8) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("{kind}-{subject}-{day}"),
        "source": "uk.nhs.personal-demographics-service",
        "type": kind,
        "time": format!("2026-11-{day:02}T12:00:00Z"),
        "subject": subject,
    })
}

/// The event that a number was superseded by another.
pub fn renumbered(old: &str, new: &str, day: u8) -> Value {
    let mut event = event(NUMBER, old, day);
    event["data"] = json!({ "newNhsNumber": new });
    event
}

/// The event of a change of practice.
pub fn moved(subject: &str, practice: &str, day: u8) -> Value {
    let mut event = event(MOVED, subject, day);
    event["data"] = json!({ "generalPractitioner": practice });
    event
}

pub fn post(event: &Value) -> Request {
    Request::new("POST", "/events").header("Content-Type", "application/cloudevents+json").body(event)
}

pub async fn send(app: &TestApp, event: &Value) -> Response {
    app.send(post(event)).await
}

/// Sends an event, and returns its result.
pub async fn tell(app: &TestApp, event: &Value) -> String {
    let answer = send(app, event).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["outcome"].as_str().expect("an outcome").to_owned()
}
