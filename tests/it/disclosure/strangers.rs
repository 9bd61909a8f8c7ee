//! A citizen learns nothing of a person with whom they share nothing: whether the person exists, is hidden,
//! or has a practice.

use api_fhir::every_route;
use api_vrs as vrs;
use config::Contract;
use rstest::rstest;
use serde_json::{Value, json};

use super::{ClaimedSearches, Invented, ask, claims};
use crate::fhir::bodies::{access_request, relationship, role};
use crate::fhir::scopes::{acting, citizen};
use crate::fhir::subscription::{backport, classic, number_all};
use crate::support::token::registration;
use crate::support::{Backend, Options, Request, Response, TestApp};
use crate::vrs::callers::{NURSE, SYSTEM, citizen as known, guarded_options};
use crate::vrs::known::{ACTIVE, LONER, MOTHER, NOBODY};

/// The stranger: of the same number in every run.
const X: Invented =
    Invented { number: "9000000505", family: "Strangeling", birth_date: "1961-07-19", practice: "X90901" };

const KINDS: [&str; 6] =
    ["unknown", "current", "restricted", "invalidated", "superseded", "without practice"];

/// A response without the parts that differ from run to run.
fn normalised(answer: &Response, address: &str) -> (u16, Vec<String>) {
    let headers = ["content-type", "etag", "location", "www-authenticate"];
    let mut lines: Vec<String> = headers
        .iter()
        .map(|name| format!("{name}: {}", plain(answer.header(name).unwrap_or_default(), address)))
        .collect();
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(mut body) => {
            strip(&mut body, address);
            lines.push(body.to_string());
        }
        Err(_) => lines.push(plain(&String::from_utf8_lossy(&answer.body), address)),
    }
    (answer.status, lines)
}

fn strip(value: &mut Value, address: &str) {
    const TIMES: [&str; 3] = ["lastUpdated", "timestamp", "recorded"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, address)),
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                match member {
                    Value::String(text) if TIMES.contains(&key.as_str()) => text.clear(),
                    // A reference code.
                    Value::String(text) if text.len() == 10 && text.parse::<u64>().is_err() => text.clear(),
                    Value::String(text) => *text = plain(text, address),
                    other => strip(other, address),
                }
            }
        }
        Value::String(text) => *text = plain(text, address),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text without ids, addresses and the positions of pages.
fn plain(text: &str, address: &str) -> String {
    let text = text.replace(address, "HOST");
    let text = text.split_once("_page=").map_or(text.as_str(), |(start, _)| start).to_owned();
    let bytes: Vec<char> = text.chars().collect();
    let mut result = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let window = bytes.get(at..at + 36).unwrap_or_default();
        let is_uuid = window.len() == 36
            && window.iter().enumerate().all(|(number, letter)| match number {
                8 | 13 | 18 | 23 => *letter == '-',
                _ => letter.is_ascii_hexdigit(),
            });
        if is_uuid {
            result.push_str("UUID");
            at += 36;
        } else {
            result.push(bytes[at]);
            at += 1;
        }
    }
    result
}

/// The requests about a stranger that every run sends, with labels.
fn requests(claims: &[ClaimedSearches], token: &str) -> Vec<(String, Request)> {
    let mut all: Vec<(String, Request)> = Vec::new();
    let mut add = |method: &str, path: String, body: Option<Value>| {
        let request = ask(method, &path, token);
        let request = match &body {
            Some(body) => request.header("Content-Type", "application/fhir+json").body(body),
            None => request,
        };
        all.push((format!("{method} {path}"), request));
    };
    let written: [(&str, Value); 4] = [
        ("Consent", role(MOTHER, X.number)),
        ("RelatedPerson", relationship(MOTHER, X.number)),
        ("QuestionnaireResponse", access_request(MOTHER, X.number)),
        ("Subscription", classic(&format!("Consent?patient={}", X.number), None)),
    ];
    for (method, path) in every_route() {
        let kind = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let path = path.replace("{id}", X.number).replace("{version}", "1");
        let body = written.iter().find(|(of, _)| *of == kind).map(|(_, body)| body.clone());
        let body = body.filter(|_| matches!(method, "POST" | "PUT") && !path.contains("_search"));
        // Answered by the table itself, alike for every caller.
        if !path.contains("metadata") {
            add(method, path, body);
        }
    }
    for ClaimedSearches { kind, params, includes, reverse_includes } in claims {
        for (name, of) in params {
            for value in values(of) {
                let is_slow = matches!(name.as_str(), "entity-role" | "entity-type");
                let more = if is_slow { "&date=2026-11-22" } else { "" };
                add("GET", format!("/{kind}?{name}={value}&_total=accurate{more}"), None);
                if of == "token" {
                    add("GET", format!("/{kind}?{name}:not={value}&_total=accurate{more}"), None);
                }
            }
            if of == "reference" {
                for chain in [
                    format!("{name}:identifier=https://fhir.nhs.uk/Id/nhs-number|{}", X.number),
                    format!("{name}:Patient.identifier={}", X.number),
                    format!("{name}:Patient.family={}", X.family),
                    format!("{name}:Patient.birthdate={}", X.birth_date),
                    format!("{name}:Patient.general-practitioner:identifier={}", X.practice),
                    format!("{name}:Patient._has:Consent:patient:performer={MOTHER}"),
                ] {
                    add("GET", format!("/{kind}?{chain}&_total=accurate"), None);
                }
            }
            // The reference codes of requests are random.
            if (kind.as_str(), name.as_str()) != ("QuestionnaireResponse", "identifier") {
                add("GET", format!("/{kind}?_sort={name}&_count=5"), None);
            }
        }
        for source in claims {
            for (reference, _) in source.params.iter().filter(|(_, of)| of == "reference") {
                let has = format!("_has:{}:{reference}:_lastUpdated=gt2000", source.kind);
                add("GET", format!("/{kind}?{has}&_total=accurate"), None);
            }
        }
        let includes = includes.iter().map(|name| format!("_include={name}"));
        for include in includes.chain(reverse_includes.iter().map(|name| format!("_revinclude={name}"))) {
            add("GET", format!("/{kind}?{include}&_count=200"), None);
        }
    }
    all
}

/// Values of a parameter that are about the stranger.
fn values(kind: &str) -> Vec<String> {
    match kind {
        "reference" => vec![format!("Patient/{}", X.number)],
        "token" => vec![X.number.to_owned(), format!("https://fhir.nhs.uk/Id/nhs-number|{}", X.number)],
        "string" => vec![X.family.to_owned()],
        "date" => vec![X.birth_date.to_owned()],
        _ => vec!["x".to_owned()],
    }
}

/// Every operation of the other API, with every parameter.
fn contract_requests(token: &str) -> Vec<(String, Request)> {
    let x = X.number;
    let includes =
        ["", "&_include=Consent:performer", "&_include=Consent:patient", "&_include=RelatedPerson:patient"];
    let statuses = ["", "&status=active", "&status=inactive,rejected"];
    let mut paths: Vec<String> = Vec::new();
    for (one, other) in [(MOTHER, x), (x, MOTHER)] {
        for more in includes.iter().flat_map(|include| statuses.map(|status| format!("{include}{status}"))) {
            paths.push(format!("Consent?performer:identifier={one}&patient:identifier={other}{more}"));
            paths.push(format!("RelatedPerson?identifier={one}&patient:identifier={other}{more}"));
        }
    }
    for one in [
        format!("Consent?performer:identifier={x}"),
        format!("Consent?patient:identifier={x}"),
        format!("RelatedPerson?identifier={x}"),
        format!("RelatedPerson?patient:identifier={x}"),
        format!("Consent/{x}"),
        format!("QuestionnaireResponse/{x}"),
    ] {
        paths.push(one);
    }
    let get = |path: String| {
        let request = Request::new("GET", &format!("{}/{path}", vrs::BASE_PATH)).with_id().bearer(token);
        (format!("contract: {path}"), request)
    };
    let mut all: Vec<(String, Request)> = paths.into_iter().map(get).collect();
    for body in [role(MOTHER, x), role(x, MOTHER)] {
        let request = Request::post(&format!("{}/Consent", vrs::BASE_PATH), body).bearer(token);
        all.push(("contract: POST Consent".to_owned(), request));
    }
    all
}

/// A server that takes any number of access requests for a pair.
async fn unlimited(backend: Backend) -> TestApp {
    let mut options = Options { registrations: vec![registration()], ..guarded_options() };
    options.contract.open_requests_per_pair = 0;
    TestApp::start(backend, options).await
}

/// Every response to a caller about the stranger, after a citizen has applied for and to them.
async fn everything(backend: Backend, kind: &str, is_acting: bool) -> Vec<Noted> {
    let app = unlimited(backend).await;
    match kind {
        "unknown" => {}
        "without practice" => X.register(&app, "current", false),
        standing => X.register(&app, standing, true),
    }
    let address = app.address.to_string();
    let token = app.token(&citizen(MOTHER), "user/*.cruds").await;
    let mut notes = Notes { address, answers: Vec::new() };
    let filters = [format!("patient-practice={}", X.practice), format!("proxy-practice={}", X.practice)];
    for filters in [vec![], vec![filters[0].as_str()], vec![filters[1].as_str()]] {
        let body = backport("access-request-submitted", "full-resource", &filters);
        let subscribe = ask("POST", "/Subscription", &token).header("Content-Type", "application/fhir+json");
        notes.ask(&app, format!("subscribe {filters:?}"), subscribe.body(&body)).await;
    }
    for (proxy, patient) in [(MOTHER, X.number), (X.number, MOTHER)] {
        let mut body = access_request(proxy, patient);
        if patient == MOTHER {
            body["source"] = json!({ "type": "Patient", "identifier": body["subject"]["identifier"] });
        }
        for base in [api_fhir::BASE_PATH, vrs::BASE_PATH] {
            let post = Request::post(&format!("{base}/QuestionnaireResponse"), &body).bearer(&token);
            let place = notes.ask(&app, format!("apply at {base}"), post).await.expect("it is taken");
            let id = place.split("QuestionnaireResponse/").nth(1).expect("an id");
            let id = id.split('/').next().expect("an id").to_owned();
            for path in [
                format!("{}/QuestionnaireResponse/{id}", api_fhir::BASE_PATH),
                format!("{}/QuestionnaireResponse/{id}/_history", api_fhir::BASE_PATH),
                format!("{}/QuestionnaireResponse/{id}/_history/1", api_fhir::BASE_PATH),
                format!("{}/QuestionnaireResponse/{id}", vrs::BASE_PATH),
            ] {
                let request = Request::new("GET", &path).with_id().bearer(&token);
                notes.ask(&app, path.replace(&id, "ID"), request).await;
                let (label, (status, _)) = notes.answers.last().expect("an answer");
                assert_eq!(*status, 200, "{label} of {kind}");
            }
        }
    }
    number_all(&app).await;
    let listed = app.send(ask("GET", "/Subscription?_sort=_lastUpdated", &token)).await.json();
    for entry in listed["entry"].as_array().expect("subscriptions") {
        let path = format!("/Subscription/{}/$events", entry["resource"]["id"].as_str().expect("an id"));
        notes.ask(&app, "events".to_owned(), ask("GET", &path, &token)).await;
    }
    let asking = if is_acting { app.token(&acting(), "patient/*.cruds user/*.cruds").await } else { token };
    let claims = claims(&app).await;
    for (label, request) in requests(&claims, &asking).into_iter().chain(contract_requests(&asking)) {
        notes.ask(&app, label, request).await;
    }
    notes.answers
}

/// An answer under its label: status, headers and body.
type Noted = (String, (u16, Vec<String>));

/// Request and response.
struct Notes {
    address: String,
    answers: Vec<Noted>,
}

impl Notes {
    /// Sends a request, and returns the location of the created resource.
    async fn ask(&mut self, app: &TestApp, label: String, request: Request) -> Option<String> {
        let answer = app.send(request).await;
        assert!(answer.status < 500, "{label}");
        let location = answer.header("location").map(str::to_owned);
        self.answers.push((label, normalised(&answer, &self.address)));
        location
    }
}

async fn compare(backend: Backend, is_acting: bool) {
    let reference = everything(backend, KINDS[0], is_acting).await;
    assert!(reference.len() > 500, "{}", reference.len());
    let kinds = if is_acting { &KINDS[1..4] } else { &KINDS[1..] };
    for kind in kinds {
        let answers = everything(backend, kind, is_acting).await;
        assert_eq!(answers.len(), reference.len());
        for (one, other) in reference.iter().zip(&answers) {
            assert_eq!(one, other, "{} differs for {kind}", one.0);
        }
    }
}

// covers G-16
#[rstest]
#[actix_web::test]
async fn response_to_a_citizen_is_the_same_for_hidden_unknown_and_known_strangers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    compare(backend, false).await;
}

// covers G-16
#[rstest]
#[actix_web::test]
async fn response_to_a_proxy_is_the_same_for_hidden_unknown_and_known_strangers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    compare(backend, true).await;
}

// covers V-10
#[rstest]
#[actix_web::test]
async fn the_published_statuses_are_for_systems_and_for_citizens_without_the_switch(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for hide_strangers in [true, false] {
        let options = guarded_options();
        let contract = Contract { hide_strangers, ..options.contract };
        let app = TestApp::start(backend, Options { contract, ..options }).await;
        let unknown = format!("Consent?performer:identifier={MOTHER}&patient:identifier={}", NOBODY[0]);
        let related = format!("RelatedPerson?identifier={MOTHER}&patient:identifier={}", NOBODY[0]);
        for (path, token, hidden, published) in [
            (&unknown, known(MOTHER), 200, 404),
            (&related, known(MOTHER), 200, 404),
            (&unknown, SYSTEM.to_owned(), 404, 404),
            (&unknown, NURSE.to_owned(), 404, 404),
            (&related, NURSE.to_owned(), 404, 404),
            (&format!("Consent/{ACTIVE}"), known(LONER), 404, 403),
        ] {
            let request = Request::new("GET", &format!("{}/{path}", vrs::BASE_PATH)).with_id().bearer(&token);
            let status = app.send(request).await.status;
            assert_eq!(status, if hide_strangers { hidden } else { published }, "{path} {hide_strangers}");
        }
    }
}
