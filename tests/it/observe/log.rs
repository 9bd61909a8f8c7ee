//! The log of a sandbox at its most verbose level, after requests of every kind.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use crate::support::poll::poll;
use crate::support::{Connection, Folder, Request, SANDBOX_DATA, ServerProcess, bodies};

const BASE: &str = "/validated-relationships/FHIR/R4";
const CONSENTS: &str = "/validated-relationships/FHIR/R4/Consent";
const ROLE: &str = "/validated-relationships/FHIR/R4/Consent/{id}";
const RELATED: &str = "/validated-relationships/FHIR/R4/RelatedPerson";
const REQUEST: &str = "/validated-relationships/FHIR/R4/QuestionnaireResponse/{id}";
const PING: &str = "/validated-relationships/_ping";
const STATUS: &str = "/validated-relationships/_status";
const REQUESTS: &str = "/validated-relationships/FHIR/R4/QuestionnaireResponse";

fn start(folder: &Folder) -> ServerProcess {
    let config = folder.write("onbehalf.toml", "[log]\nformat = \"json\"\nlevel = \"trace\"\n");
    folder.start(&["sandbox", "--listen", "127.0.0.1:0", "--config", &config])
}

/// A request with an id that says its place in the list.
fn numbered(number: usize, request: Request) -> Request {
    request.without("X-Request-ID").header("X-Request-ID", &request_id(number))
}

fn request_id(number: usize) -> String {
    format!("aaaaaaaa-aaaa-4aaa-8aaa-a{number:05x}aaaaaa")
}

/// A method, the route that a request belongs to, and the request.
type Sent = (&'static str, &'static str, Request);

const LISA: &str = "9000000017";

/// Requests that only look; paths and queries name people.
fn reads() -> Vec<Sent> {
    let seed: Value = serde_json::from_str(SANDBOX_DATA).expect("the sandbox data");
    let mut paths = vec![
        (CONSENTS, "Consent?patient:identifier=https://fhir.nhs.uk/Id/nhs-number%7C9000000009".to_owned()),
        (CONSENTS, "Consent?performer:identifier=9000000999".to_owned()),
        (CONSENTS, "Consent?performer:identifier=900000001x&status=Thompson".to_owned()),
        (ROLE, "Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722".to_owned()),
        (ROLE, format!("Consent/{LISA}")),
        (ROLE, "Consent/Thompson?_include=Lisa".to_owned()),
        (RELATED, format!("RelatedPerson?identifier=x|{LISA}")),
        (REQUEST, "QuestionnaireResponse/156e1560-e532-4e2a-85ad-5aeff03dc43e".to_owned()),
        (REQUEST, "QuestionnaireResponse/Thompson".to_owned()),
        ("", format!("Patient/{LISA}")),
    ];
    for person in seed["people"].as_array().expect("people") {
        let number = person["nhs_number"].as_str().expect("a number");
        let both = "_include=Consent:performer&_include=Consent:patient";
        paths.push((CONSENTS, format!("Consent?performer:identifier={number}&{both}")));
        let query = format!("patient:identifier={number}&_include=RelatedPerson:patient");
        paths.push((RELATED, format!("RelatedPerson?{query}")));
    }
    let below = |(route, path): (&'static str, String)| {
        ("GET", route, Request::new("GET", &format!("{BASE}/{path}")))
    };
    paths.into_iter().map(below).collect()
}

/// Requests outside the operations, with other methods, or with headers that name people.
fn odd_ones() -> Vec<Sent> {
    let get = |path: &str| Request::new("GET", path);
    let role = format!("{BASE}/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722");
    let ask = Request::new("OPTIONS", CONSENTS).header("Origin", "https://Thompson.example");
    vec![
        ("GET", "", get("/Thompson/9000000017")),
        ("GET", "/health", get("/health")),
        ("GET", "/ready", get("/ready")),
        ("GET", PING, get(PING)),
        ("GET", STATUS, get(STATUS).header("apikey", "Thompson")),
        ("DELETE", ROLE, Request::new("DELETE", &role)),
        ("PUT", CONSENTS, Request::new("PUT", CONSENTS).body(LISA)),
        ("OPTIONS", CONSENTS, ask.header("Access-Control-Request-Method", "GET")),
        ("GET", CONSENTS, get(CONSENTS).header("X-IM1-Connection-Params", LISA)),
        ("GET", CONSENTS, get(CONSENTS).header("Authorization", "Bearer Thompson-9000000017")),
        ("GET", CONSENTS, get(CONSENTS).header("X-Correlation-ID", LISA)),
    ]
}

/// Requests that change something, or would if they were right.
fn writes() -> Vec<Sent> {
    let role = format!("{BASE}/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722");
    let found = bodies::reason_with_text("OTHER", "Lisa Thompson, 9000000017, moved");
    let ended = bodies::move_to("inactive", &[found]);
    let consent = bodies::consent(LISA, "9000000033");
    let misread = consent.to_string().replace("\"active\"", "\"9000000017 Thompson\"");
    let post = |route: &'static str, body: String| ("POST", route, Request::post(route, body));
    let patch = |body: String| ("PATCH", ROLE, Request::patch(&role, body));
    let mistyped = Request::new("POST", CONSENTS).header("Content-Type", "Thompson/9000000017");
    vec![
        post(CONSENTS, consent.to_string()),
        post(CONSENTS, consent.to_string()),
        post(CONSENTS, bodies::consent(LISA, "9000000999").to_string()),
        post(CONSENTS, misread),
        post(CONSENTS, "{\"Thompson\": 9000000017".to_owned()),
        ("POST", CONSENTS, mistyped.body(&consent)),
        post(REQUESTS, bodies::access_request(LISA, "9000000025").to_string()),
        post(REQUESTS, bodies::access_request(LISA, "9000000009").to_string()),
        post(REQUESTS, "{\"a\":\"Thompson\",\"a\":\"9000000017\"}".to_owned()),
        patch(ended.to_string()),
        patch(ended.to_string()),
        patch("[{\"op\":\"add\",\"path\":\"/Thompson/9000000017\",\"value\":1}]".to_owned()),
    ]
}

fn requests() -> Vec<Sent> {
    [reads(), odd_ones(), writes()].concat()
}

/// Sends what is no request at all, or no whole one.
fn send_rubbish(address: SocketAddr) {
    for bytes in [
        "9000000017 Thompson\r\n\r\n".to_owned(),
        format!("GET {CONSENTS}?9000000017 HTTP/1.1\r\nThompson 9000000017\r\n\r\n"),
        format!("GET {CONSENTS}/9000000017\u{1}Thompson HTTP/1.1\r\n\r\n"),
        format!("GET /{} HTTP/1.1\r\n\r\n", "9000000017".repeat(20_000)),
        format!("POST {CONSENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000017x\r\n\r\nThompson"),
    ] {
        let mut connection = Connection::open(address).expect("the sandbox listens");
        let _refused_early = connection.write(bytes.as_bytes());
        let _either = connection.read();
    }
}

/// Everything that a run wrote, after requests of every kind and a stop.
fn log_of_a_run() -> (String, Vec<u16>) {
    let folder = Folder::new();
    let mut sandbox = start(&folder);
    let address = sandbox.address();
    let mut statuses = Vec::new();
    for (number, (_, _, request)) in requests().into_iter().enumerate() {
        let mut connection = Connection::open(address).expect("the sandbox listens");
        let answer = connection.send(&numbered(number, request)).expect("there is an answer");
        statuses.push(answer.status);
    }
    send_rubbish(address);
    sandbox.ask_to_stop();
    assert_eq!(sandbox.wait().code(), Some(0));
    (sandbox.stderr(), statuses)
}

/// The words of a text: runs of letters and digits.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

/// The names of the people of the sandbox, as words.
fn names() -> BTreeSet<String> {
    let seed: Value = serde_json::from_str(SANDBOX_DATA).expect("the sandbox data");
    let people = seed["people"].as_array().expect("people");
    let texts = people.iter().flat_map(|person| {
        let given = person["name"]["given"].as_array().into_iter().flatten();
        given.chain([&person["name"]["family"]]).filter_map(Value::as_str).collect::<Vec<_>>()
    });
    let is_name = |word: &&str| word.len() > 2 && word.chars().all(char::is_alphabetic);
    texts.flat_map(words).filter(is_name).map(str::to_owned).collect()
}

#[test]
fn log_has_no_personal_data() {
    let (log, _) = log_of_a_run();
    let words = words(&log);
    for name in names().iter().map(String::as_str).chain(["Lisa", "Thompson", "moved", "Jones"]) {
        let line = log.lines().find(|line| line.contains(name));
        assert!(!words.contains(name), "{name} is in the log: {line:?}");
    }
    for word in words {
        let is_number = word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit());
        assert!(!is_number, "{word} is in the log");
    }
    let seed: Value = serde_json::from_str(SANDBOX_DATA).expect("the sandbox data");
    for person in seed["people"].as_array().expect("people") {
        let number = person["nhs_number"].as_str().expect("a number");
        assert!(!log.contains(number), "{number} is in the log");
    }
}

#[test]
fn every_request_has_exactly_one_log_line() {
    let (log, statuses) = log_of_a_run();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    for (number, ((method, route, _), status)) in requests().into_iter().zip(statuses).enumerate() {
        let id = request_id(number);
        let of_request: Vec<&Value> = lines.iter().filter(|line| line["request_id"] == id.as_str()).collect();
        let [line] = of_request.as_slice() else { panic!("{method} {route} {status}: {of_request:?}") };
        assert_eq!(
            (line["method"].as_str(), line["status"].as_u64()),
            (Some(method), Some(status.into())),
            "{line}"
        );
        assert_eq!(line["route"].as_str(), Some(route), "{line}");
        assert!(line["micros"].is_u64(), "{line}");
        let is_ours = line["caller"].as_str().is_some_and(|caller| ["anyone", "unknown"].contains(&caller));
        assert!(is_ours, "{line}");
    }
    let count = lines.iter().filter(|line| line["message"] == "request").count();
    assert_eq!(count, requests().len());
}

#[test]
fn aborted_request_has_a_log_line() {
    let folder = Folder::new();
    let mut sandbox = start(&folder);
    let mut connection = Connection::open(sandbox.address()).expect("the sandbox listens");
    let head = format!(
        "POST {CONSENTS} HTTP/1.1\r\nHost: x\r\nX-Request-ID: {}\r\nContent-Type: application/fhir+json\r\n\
         Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
        request_id(0)
    );
    connection.write(head.as_bytes()).expect("the server reads");
    assert_eq!(connection.read().expect("the server asks for the body").status, 100);
    drop(connection);
    poll("the line of the request", || sandbox.stderr().contains(&request_id(0)).then_some(()));
}
