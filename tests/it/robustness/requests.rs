//! Query strings, headers, paths and methods: arbitrary ones, and such as nearly mean something.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{BASE, CASES, OPERATIONS, Operation, assert_alive, exchange, for_all, judge, server};
use crate::support::{REQUEST_ID, TestApp, bodies};

type Header = (Vec<u8>, Vec<u8>);

async fn stands(app: &TestApp, method: &str, request: &[u8]) -> Result<(), String> {
    let answer = exchange(app.address, request).await.ok_or("no answer")?;
    judge(method, &answer)
}

/// A body that the operation accepts the first time.
fn body_of(operation: Operation) -> Vec<u8> {
    match (operation.method, operation.path) {
        ("GET", _) => Vec::new(),
        ("POST", "/Consent") => bodies::consent("9000000017", "9000000033").to_string().into_bytes(),
        ("POST", _) => bodies::access_request("9000000017", "9000000025").to_string().into_bytes(),
        _ => br#"[{"op":"remove","path":"/provision/period/end"}]"#.to_vec(),
    }
}

/// Bytes that may stand in the first line of a request, percent signs and all.
fn target(characters: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => proptest::string::string_regex(characters).expect("a pattern").prop_map(String::into_bytes),
        1 => vec(any::<u8>().prop_filter("ends the line", |byte| !b" \r\n\t".contains(byte)), 0..60),
    ]
}

const PARAMETERS: &[&str] = &[
    "identifier",
    "patient:identifier",
    "performer:identifier",
    "patient%3Aidentifier",
    "status",
    "_include",
    "_count",
    "",
    "%00",
    "%FF",
    "identifier[]",
    "_include:iterate",
];

const VALUES: &[&str] = &[
    "",
    "9000000017",
    "9000000033",
    "https://fhir.nhs.uk/Id/nhs-number|9000000017",
    "|9000000017",
    "9000000017|",
    "https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C9000000017",
    "||",
    "900000001%37",
    "%EF%BC%99000000017",
    "active",
    "active,inactive",
    ",",
    "active,",
    "ACTIVE",
    "Consent:patient",
    "Consent:performer",
    "*",
    "%",
    "%zz",
    "%00",
    "%ff%fe",
    "+",
    "null",
    "Consent:patient%00",
    "0000000000",
    "99999999999999999999",
    "9000000017,9000000033",
    "RelatedPerson:patient",
];

/// A query of parameters that the contract has, or nearly has.
fn near_query() -> impl Strategy<Value = Vec<u8>> {
    let pair = (select(PARAMETERS), select(VALUES)).prop_map(|(name, value)| format!("{name}={value}"));
    vec(pair, 0..6).prop_map(|pairs| pairs.join("&").into_bytes())
}

#[actix_web::test]
async fn any_query_is_2xx_or_4xx() {
    let app = server().await;
    for operation in OPERATIONS {
        let body = body_of(operation);
        let holds = async |query: Vec<u8>| {
            let answered = stands(&app, operation.method, &operation.request(&query, &[], &body)).await;
            answered.map_err(|why| format!("{operation:?} ?{}: {why}", String::from_utf8_lossy(&query)))
        };
        for_all(CASES, target("[!-~]{0,80}"), &holds).await;
        for_all(CASES, near_query(), &holds).await;
    }
    assert_alive(&app).await;
}

/// Names of headers that have a meaning here, in HTTP, or for a proxy in front. Those that declare the length
/// of the body have their own test.
const NAMES: &[&str] = &[
    "X-Request-ID",
    "x-request-id",
    "X-Correlation-ID",
    "Authorization",
    "Content-Type",
    "X-IM1-Connection-Params",
    "Origin",
    "Access-Control-Request-Method",
    "Host",
    "Accept",
    "Accept-Encoding",
    "Content-Encoding",
    "Cookie",
    "If-Match",
    "If-None-Match",
    "Range",
    "Prefer",
    "X-HTTP-Method-Override",
    "X-Forwarded-For",
    "Forwarded",
    "apikey",
    "TE",
    "Via",
    "X-Test-Routing-Flag",
];

fn header() -> impl Strategy<Value = Header> {
    let token = proptest::string::string_regex("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,30}").expect("a pattern");
    let framing = ["content-length", "transfer-encoding", "connection", "upgrade", "expect"];
    let any_name = token
        .prop_filter("frames the body", move |name| !framing.contains(&name.to_ascii_lowercase().as_str()));
    let name = prop_oneof![
        4 => select(NAMES).prop_map(|name| name.as_bytes().to_vec()),
        2 => any_name.prop_map(String::into_bytes),
        1 => vec(any::<u8>().prop_filter("ends the line", |byte| !b"\r\n".contains(byte)), 0..12),
    ];
    let value = prop_oneof![
        2 => vec(any::<u8>().prop_filter("ends the line", |byte| !b"\r\n".contains(byte)), 0..80),
        2 => proptest::string::string_regex("[ -~]{0,200}").expect("a pattern").prop_map(String::into_bytes),
        1 => select(&[
            REQUEST_ID, "Bearer x", "Bearer ", "application/fhir+json", "application/json-patch+json", "token;ODS",
            ";", "GET", "*", "gzip", "https://portal.example",
        ][..]).prop_map(|value| value.as_bytes().to_vec()),
    ];
    (name, value)
}

#[actix_web::test]
async fn any_headers_are_2xx_or_4xx() {
    let app = server().await;
    for operation in OPERATIONS {
        let body = body_of(operation);
        let holds = async |headers: Vec<Header>| {
            let request = operation.request(operation.query.as_bytes(), &headers, &body);
            let answered = stands(&app, operation.method, &request).await;
            answered.map_err(|why| format!("{operation:?}: {why}\n{}", String::from_utf8_lossy(&request)))
        };
        for_all(CASES, vec(header(), 0..6), holds).await;
    }
    assert_alive(&app).await;
}

fn method() -> impl Strategy<Value = String> {
    const METHODS: &[&str] = &[
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND", "QUERY",
        "PRI", "M-SEARCH",
    ];
    let token = proptest::string::string_regex("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,24}").expect("a pattern");
    prop_oneof![2 => select(METHODS).prop_map(str::to_owned), 1 => token]
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    const PATHS: &[&str] = &[
        "",
        "/",
        "/Consent",
        "/Consent/",
        "/consent",
        "/Consent//",
        "//Consent",
        "/Consent/%00",
        "/Consent/%2e%2e",
        "/Consent/../Consent",
        "/./Consent",
        "/Consent/%F0%9F",
        "/Consent/6b71ac92baa34b76b0f5a601257e2722",
        "/Consent/%7B6b71ac92-baa3-4b76-b0f5-a601257e2722%7D",
        "/Consent/6B71AC92-BAA3-4B76-B0F5-A601257E2722",
        "/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722/_history/1",
        "/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722/",
        "/RelatedPerson/1",
        "/QuestionnaireResponse/",
        "/QuestionnaireResponse/x",
        "/metadata",
        "/Questionnaire",
        "/Consent;a=b",
        "/Consent%2F",
        "/Consent/%252e",
        "/$export",
        "/Consent/_search",
        "/Consent#x",
    ];
    let below = prop_oneof![
        2 => select(PATHS).prop_map(|path| path.as_bytes().to_vec()),
        2 => target("/[!-~]{0,60}"),
    ];
    prop_oneof![
        4 => below.prop_map(|path| [BASE.as_bytes(), &path].concat()),
        1 => target("/[!-~]{0,60}"),
        1 => target("[!-~]{1,40}"),
    ]
}

#[actix_web::test]
async fn any_method_and_path_are_2xx_or_4xx() {
    let app = server().await;
    let holds = async |(method, path): (String, Vec<u8>)| {
        let head = format!(
            " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-ID: {REQUEST_ID}\r\n\r\n"
        );
        let request = [method.as_bytes(), b" ", &path, head.as_bytes()].concat();
        let answered = stands(&app, &method, &request).await;
        answered.map_err(|why| format!("{method} {}: {why}", String::from_utf8_lossy(&path)))
    };
    for_all(5 * CASES, (method(), path()), &holds).await;
    for path in ["/Consent", "/RelatedPerson", "/QuestionnaireResponse", "/Consent/x", "/nothing"] {
        let whole = format!("{BASE}{path}").into_bytes();
        for_all(CASES / 4, (method(), Just(whole)), &holds).await;
    }
    assert_alive(&app).await;
}
