//! Mutated requests to the R4 API. Each of the six properties sends 850 of them on each database, so that
//! a run sends 10 200; `ONBEHALF_MUTATIONS` says another number for each property. An answer is judged as
//! in all tests of that API, and may neither be a fault nor fail to come.

mod bodies;
mod bundles;
mod headers;
mod patches;
mod urls;

use api_fhir::BASE_PATH;
use proptest::strategy::Strategy;
use serde_json::Value;

use super::{exchange, for_all};
use crate::fhir::client::{get, send_well, validate_response};
use crate::support::TestApp;
use crate::vrs::known::{ACCESS_REQUEST, ACTIVE, ENDING, MORE_ACTIVE, MOTHERS_ROLE};

/// A relationship of the sandbox.
const RELATIONSHIP: &str = "BE974742";

/// How many requests a property sends on each database.
fn cases() -> u32 {
    let asked = std::env::var("ONBEHALF_MUTATIONS").ok();
    asked.map_or(850, |number| number.parse().expect("ONBEHALF_MUTATIONS is a number"))
}

/// A request below the base.
#[derive(Clone, Debug)]
struct Mutated {
    method: String,
    /// Path and query.
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Mutated {
    fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    fn with(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.headers.push(("Content-Type".to_owned(), content_type.into()));
        self.body = body.into();
        self
    }

    /// With a header, in the place of one that has this name already.
    fn header(mut self, name: &str, value: Vec<u8>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let head = format!(
            "{} {BASE_PATH}{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.method,
            self.target,
            self.body.len()
        );
        let mut bytes = head.into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Sends as many of these as a property has cases; then the server still reads resources that no request
/// wrote to.
async fn all_stand(app: &TestApp, requests: impl Strategy<Value = Mutated>) {
    let stands = async |request: Mutated| {
        let bytes = request.bytes();
        let answer = exchange(app.address, &bytes).await;
        let judged = answer.ok_or("no answer".to_owned()).and_then(|answer| {
            let is_silent = answer.status >= 400 && answer.body.is_empty() && request.method != "HEAD";
            if is_silent {
                Err(format!("{} without a word", answer.status))
            } else {
                validate_response(&answer)
            }
        });
        judged.map_err(|why| format!("{why}\n{}", String::from_utf8_lossy(&bytes)))
    };
    for_all(cases(), requests, stands).await;
    let role = send_well(app, get(&format!("/Consent/{ACTIVE}")), 200).await;
    assert_eq!(role["status"], "active");
}

/// The resources that requests write to, as they stand: paths and contents.
async fn held(app: &TestApp) -> Vec<(String, Value)> {
    let mut held = Vec::new();
    for path in [
        format!("/Consent/{MOTHERS_ROLE}"),
        format!("/Consent/{ENDING}"),
        format!("/Consent/{}", MORE_ACTIVE[0]),
        format!("/RelatedPerson/{RELATIONSHIP}"),
        format!("/QuestionnaireResponse/{ACCESS_REQUEST}"),
    ] {
        let resource = send_well(app, get(&path), 200).await;
        held.push((path, resource));
    }
    held
}
