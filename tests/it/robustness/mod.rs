//! Whatever the input, the response is one of the contract, and the service continues.

mod bodies;
mod connection;
mod document;
mod fhir;
mod growth;
mod nasty;
mod paths;
mod requests;

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Backend, REQUEST_ID, Response, TestApp, record};

/// The path of the operations.
const BASE: &str = "/validated-relationships/FHIR/R4";
/// An active role of the sandbox.
const ROLE: &str = "6b71ac92-baa3-4b76-b0f5-a601257e2722";
/// How many inputs each property is tried with.
const CASES: u32 = 200;

/// One of the seven operations, as a request that it answers.
#[derive(Clone, Copy, Debug)]
struct Operation {
    method: &'static str,
    path: &'static str,
    query: &'static str,
    content_type: Option<&'static str>,
}

const fn reads(path: &'static str, query: &'static str) -> Operation {
    Operation { method: "GET", path, query, content_type: None }
}

const fn writes(method: &'static str, path: &'static str, content_type: &'static str) -> Operation {
    Operation { method, path, query: "", content_type: Some(content_type) }
}

const OPERATIONS: [Operation; 7] = [
    writes("POST", "/QuestionnaireResponse", "application/fhir+json"),
    reads("/QuestionnaireResponse/156e1560-e532-4e2a-85ad-5aeff03dc43e", ""),
    reads("/RelatedPerson", "identifier=9000000017"),
    reads("/Consent", "performer:identifier=9000000017"),
    writes("POST", "/Consent", "application/fhir+json"),
    reads("/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722", ""),
    writes("PATCH", "/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722", "application/json-patch+json"),
];

impl Operation {
    /// The request as bytes, with headers beside the usual ones.
    fn request(&self, query: &[u8], headers: &[(Vec<u8>, Vec<u8>)], body: &[u8]) -> Vec<u8> {
        let mut bytes = format!("{} {BASE}{}", self.method, self.path).into_bytes();
        if !query.is_empty() {
            bytes.push(b'?');
            bytes.extend_from_slice(query);
        }
        bytes.extend_from_slice(b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let usual = [
            ("X-Request-ID", Some(REQUEST_ID.to_owned())),
            ("Content-Type", self.content_type.map(str::to_owned)),
            (
                "Content-Length",
                Some(body.len().to_string()).filter(|_| self.method != "GET" || !body.is_empty()),
            ),
        ];
        for (name, value) in usual {
            let is_given = headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name.as_bytes()));
            if let Some(value) = value.filter(|_| !is_given) {
                bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        for (name, value) in headers {
            bytes.extend_from_slice(&[name, b": ".as_slice(), value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        bytes
    }
}

/// Judges an answer: a success of the contract, or a 4xx with one issue.
fn judge(method: &str, answer: &Response) -> Result<(), String> {
    let shown = || format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
    if !matches!(answer.status, 200 | 201 | 400..=499) {
        return Err(format!("status: {}", shown()));
    }
    let is_preflight = method == "OPTIONS" && answer.status == 200;
    if is_preflight || (method == "HEAD" && answer.body.is_empty()) {
        return Ok(());
    }
    // A path that no API has, beside those of the contract.
    if (answer.status, answer.header("content-type")) == (404, Some("application/problem+json")) {
        let found = serde_json::from_slice::<serde_json::Value>(&answer.body);
        return found.map(drop).map_err(|error| format!("{error}: {}", shown()));
    }
    if answer.header("content-type") != Some("application/fhir+json") {
        return Err(format!("content type {:?}: {}", answer.header("content-type"), shown()));
    }
    let body: serde_json::Value =
        serde_json::from_slice(&answer.body).map_err(|error| format!("{error}: {}", shown()))?;
    if answer.status < 400 {
        let kind = body["resourceType"].as_str().unwrap_or_default();
        let known = ["Bundle", "OperationOutcome", "QuestionnaireResponse"].contains(&kind);
        return if known { Ok(()) } else { Err(format!("resource type: {}", shown())) };
    }
    let issues = body["issue"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [issue] = issues else { return Err(format!("not exactly one issue: {}", shown())) };
    let is_text = |value: &serde_json::Value| value.as_str().is_some_and(|text| !text.is_empty());
    let is_whole = body["resourceType"] == "OperationOutcome"
        && issue["severity"] == "error"
        && is_text(&issue["code"])
        && is_text(&issue["details"]["coding"][0]["code"]);
    if is_whole { Ok(()) } else { Err(format!("not whole: {}", shown())) }
}

/// Sends bytes, says that no more will come, and reads what comes back. The server has 20 seconds.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> Option<Response> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        // A server that refuses early may close before it has read everything.
        let _refused_early = stream.write_all(bytes).await;
        let _refused_early = stream.shutdown().await;
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        let answer = Response::parse(&answer)?;
        record(bytes, &answer);
        Some(answer)
    };
    tokio::time::timeout(Duration::from_secs(20), exchange).await.expect("the server answers in time")
}

/// Tries a property with many inputs; the input that breaks it is made small before it is shown. The
/// inputs are the same in every run, so that what fails once fails again: another number in
/// `PROPTEST_RNG_SEED` makes others.
async fn for_all<S>(cases: u32, strategy: S, holds: impl AsyncFn(S::Value) -> Result<(), String>)
where
    S: Strategy,
    S::Value: Clone + Debug,
{
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let seed = if config.rng_seed == RngSeed::Random { RngSeed::Fixed(1) } else { config.rng_seed };
    let config = Config { rng_seed: seed, ..config };
    let mut runner = TestRunner::new(config);
    for _ in 0..cases {
        let mut tree = strategy.new_tree(&mut runner).expect("an input can be made");
        let Err(mut why) = holds(tree.current()).await else { continue };
        let mut smallest = tree.current();
        for _ in 0..300 {
            if !tree.simplify() {
                break;
            }
            match holds(tree.current()).await {
                Err(still) => (smallest, why) = (tree.current(), still),
                Ok(()) if tree.complicate() => {}
                Ok(()) => break,
            }
        }
        panic!("{why}\ninput: {smallest:?}");
    }
}

/// An ordinary request has its ordinary answer.
async fn assert_alive(app: &TestApp) {
    let answer = app.get(&format!("/Consent/{ROLE}")).await;
    assert_eq!((answer.status, answer.json()["total"].as_i64()), (200, Some(1)));
}

/// The sandbox, for properties that the database has no part in.
async fn server() -> TestApp {
    TestApp::sandbox(Backend::Sqlite).await
}
