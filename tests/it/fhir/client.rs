//! The requests of this API's tests. Every response is checked to be valid R4.

use api_fhir::BASE_PATH;
use fhir::format::xml;
use fhir::outcome::Severity;
use fhir::validate::validate;
use serde_json::Value;

use crate::support::{Request, Response, TestApp};

/// A request below the base.
pub fn request(method: &str, path: &str) -> Request {
    Request::new(method, &format!("{BASE_PATH}{path}"))
}

pub fn get(path: &str) -> Request {
    request("GET", path)
}

/// A request that carries a resource.
pub fn with_resource(method: &str, path: &str, body: &Value) -> Request {
    request(method, path).header("Content-Type", "application/fhir+json").body(body)
}

pub fn post(path: &str, body: &Value) -> Request {
    with_resource("POST", path, body)
}

pub fn put(path: &str, body: &Value) -> Request {
    with_resource("PUT", path, body)
}

/// A JSON Patch.
pub fn patch(path: &str, body: &Value) -> Request {
    request("PATCH", path).header("Content-Type", "application/json-patch+json").body(body)
}

/// Sends a request, and checks the response.
pub async fn send(app: &TestApp, request: Request) -> Response {
    let answer = app.send(request).await;
    check(&answer);
    answer
}

/// Sends a request that must be answered with this status, and returns the resource.
pub async fn send_well(app: &TestApp, request: Request, status: u16) -> Value {
    let answer = send(app, request).await;
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// The resource of an answer, from JSON or XML.
pub fn resource(answer: &Response) -> Value {
    read(answer).unwrap_or_else(|why| panic!("{why}"))
}

fn read(answer: &Response) -> Result<Value, String> {
    let kind = answer.header("content-type").unwrap_or_default();
    let shown = || String::from_utf8_lossy(&answer.body).into_owned();
    match kind.split(';').next() {
        Some("application/fhir+xml") => {
            xml::parse(&answer.body, 64).map_err(|fault| format!("{fault}: {}", shown()))
        }
        Some("application/fhir+json") => {
            serde_json::from_slice(&answer.body).map_err(|error| format!("{error}: {}", shown()))
        }
        _ => Err(format!("the content type is {kind:?}: {}", shown())),
    }
}

fn check(answer: &Response) {
    validate_response(answer).unwrap_or_else(|why| panic!("{why}"));
}

/// Whether a response is one that this API may give: no 5xx; valid R4 in the format that it names; a refusal
/// has an issue.
pub fn validate_response(answer: &Response) -> Result<(), String> {
    let shown = || format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
    if answer.status >= 500 {
        return Err(shown());
    }
    if answer.body.is_empty() {
        return Ok(());
    }
    let resource = read(answer)?;
    let Some(kind) = resource["resourceType"].as_str() else {
        return Err(format!("no resource: {}", shown()));
    };
    let parts = parts(&resource, kind);
    let is_whole = |expression: &str| !parts.iter().any(|part| expression.starts_with(part));
    let issues = validate(&resource, kind);
    let wrong: Vec<_> = issues
        .iter()
        .filter(|issue| issue.severity == Severity::Error)
        .filter(|issue| is_whole(issue.expression.as_deref().unwrap_or_default()))
        .collect();
    let says_why = resource["issue"][0]["diagnostics"].as_str().is_some_and(|found| !found.is_empty());
    if !wrong.is_empty() {
        Err(format!("{wrong:?} {resource:#}"))
    } else if answer.status >= 400 && !(kind == "OperationOutcome" && says_why) {
        Err(format!("does not say why: {}", shown()))
    } else {
        Ok(())
    }
}

/// The locations of partial resources (`_summary`, `_elements`) in a response, which may lack mandatory
/// elements.
fn parts(resource: &Value, path: &str) -> Vec<String> {
    if resource["meta"]["tag"][0]["code"] == "SUBSETTED" {
        return vec![path.to_owned()];
    }
    let entries = resource["entry"].as_array().map_or(&[][..], Vec::as_slice).iter().enumerate();
    let inner = |(number, entry): (usize, &Value)| {
        parts(&entry["resource"], &format!("{path}.entry[{number}].resource"))
    };
    entries.flat_map(inner).collect()
}

/// Status, code and location of the first issue of a refusal.
pub fn outcome_of(answer: &Response) -> (u16, String, String) {
    let outcome = resource(answer);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let issue = &outcome["issue"][0];
    (answer.status, text(&issue["code"]), text(&issue["expression"][0]))
}

/// The locations of the issues of an outcome.
pub fn places(outcome: &Value) -> Vec<String> {
    let issues = outcome["issue"].as_array().expect("issues").iter();
    issues.filter_map(|issue| issue["expression"][0].as_str()).map(str::to_owned).collect()
}

/// The path of a resource below the base, from its URL.
pub fn path_of(app: &TestApp, url: &str) -> String {
    let base = format!("http://{}{BASE_PATH}", app.address);
    url.strip_prefix(&base).expect("a URL of this front").to_owned()
}

/// The resources of a Bundle's entries.
pub fn entries(bundle: &Value) -> Vec<Value> {
    let entries = bundle["entry"].as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().map(|entry| entry["resource"].clone()).collect()
}

/// The URL of a Bundle's link.
pub fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array()?;
    let link = links.iter().find(|link| link["relation"] == relation)?;
    link["url"].as_str().map(str::to_owned)
}
