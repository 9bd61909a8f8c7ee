//! Inputs with a name, each with the answer that it must have.

use rstest::rstest;
use serde_json::{Value, json};

use super::{BASE, OPERATIONS, ROLE, assert_alive, exchange, judge};
use crate::support::{Backend, Options, REQUEST_ID, Request, Response, TestApp, bodies, send_bytes};

const PROXY: &str = "9000000017";
const PATIENT: &str = "9000000033";

fn consent() -> Value {
    bodies::consent(PROXY, PATIENT)
}

/// The body of `POST /Consent` with one element replaced.
fn with(pointer: &str, value: Value) -> String {
    let mut body = consent();
    *body.pointer_mut(pointer).expect("there is such an element") = value;
    body.to_string()
}

fn is_orderly(name: &str, answer: Option<Response>) -> Response {
    let answer = answer.unwrap_or_else(|| panic!("{name}: no answer"));
    judge("POST", &answer).unwrap_or_else(|why| panic!("{name}: {why}"));
    answer
}

/// Sound JSON that is no FHIR Consent, or holds what FHIR's JSON may not hold.
fn no_consents() -> Vec<(&'static str, Vec<u8>)> {
    let sound = consent().to_string();
    vec![
        ("empty body", Vec::new()),
        ("white space", b" \r\n\t".to_vec()),
        ("empty object", b"{}".to_vec()),
        ("empty array", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("text", b"\"Consent\"".to_vec()),
        ("number", b"1".to_vec()),
        ("array of one", format!("[{sound}]").into_bytes()),
        ("empty category", with("/category", json!([])).into()),
        ("category of null", with("/category", json!([null])).into()),
        ("category of an empty object", with("/category", json!([{}])).into()),
        ("null patient", with("/patient", Value::Null).into()),
        ("empty provision", with("/provision", json!({})).into()),
        ("unknown resource type", with("/resourceType", json!("Permission")).into()),
        ("another resource type", with("/resourceType", json!("Patient")).into()),
        ("empty resource type", with("/resourceType", json!("")).into()),
        ("resource type in lower case", with("/resourceType", json!("consent")).into()),
        ("no resource type", sound.replace("\"resourceType\":\"Consent\",", "").into()),
    ]
}

/// What is no sound JSON.
fn no_json() -> Vec<(&'static str, Vec<u8>)> {
    let sound = consent().to_string();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    vec![
        ("duplicate key", sound.replacen('{', "{\"status\":\"active\",", 1).into()),
        (
            "duplicate key within",
            sound.replacen("\"identifier\":{", "\"identifier\":{\"system\":\"x\",", 1).into(),
        ),
        ("bytes after the end", format!("{sound}x").into()),
        ("a second document", format!("{sound}{sound}").into()),
        ("a byte order mark", [b"\xef\xbb\xbf", sound.as_bytes()].concat()),
        ("UTF-16", sound.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        (
            "invalid UTF-8",
            sound
                .replace("Privacy Consent", "\u{1}")
                .replace('\u{1}', "#")
                .into_bytes()
                .iter()
                .map(|byte| if *byte == b'#' { 0xff } else { *byte })
                .collect(),
        ),
        ("a lone surrogate", sound.replace("Privacy Consent", "\\ud800").into()),
        ("NUL byte in a text", sound.replace("Privacy Consent", "\0").into()),
        ("cut in half", sound.as_bytes()[..sound.len() / 2].to_vec()),
        ("comments", sound.replacen('{', "{/* a */", 1).into()),
        ("deep array", nested(200).into()),
        ("very deep array", nested(200_000).into()),
        ("never closed array", "[".repeat(200_000).into()),
        ("never closed object", "{\"a\":".repeat(100_000).into()),
        ("deep in an element", with("/scope", serde_json::from_str(&nested(60)).unwrap()).into()),
        ("unknown element", sound.replacen('{', "{\"grantor\":1,", 1).into()),
        (
            "modifier extension",
            sound
                .replacen('{', "{\"modifierExtension\":[{\"url\":\"a:b\",\"valueBoolean\":true}],", 1)
                .into(),
        ),
    ]
}

/// Every body here is no FHIR Consent, and none makes a role.
#[rstest]
#[actix_web::test]
async fn invalid_json_or_consent_is_400(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    for (name, body) in no_consents().into_iter().chain(no_json()) {
        let request = Request::post(&format!("{BASE}/Consent"), "").bytes(body);
        let answer = is_orderly(name, Some(app.send(request).await));
        assert_eq!(answer.status_and_code(), (400, "BAD_REQUEST".to_owned()), "{name}");
    }
    let found = app.get(&format!("/Consent?performer:identifier={PROXY}&patient:identifier={PATIENT}")).await;
    assert_eq!(found.json()["total"], 0);
    assert_alive(&app).await;
}

#[rstest]
#[actix_web::test]
async fn an_element_of_the_wrong_json_type_is_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let elements = [
        "/resourceType",
        "/status",
        "/scope",
        "/scope/coding",
        "/scope/coding/0",
        "/scope/coding/0/code",
        "/category",
        "/category/0",
        "/category/0/coding",
        "/patient",
        "/patient/type",
        "/patient/identifier",
        "/patient/identifier/system",
        "/patient/identifier/value",
        "/dateTime",
        "/performer",
        "/performer/0",
        "/performer/0/identifier",
        "/performer/0/identifier/value",
        "/policyRule",
        "/policyRule/coding",
        "/policyRule/coding/0/code",
        "/provision",
        "/provision/period",
        "/provision/period/start",
        "/provision/period/end",
        "/provision/actor",
        "/provision/actor/0",
        "/provision/actor/0/reference",
        "/extension",
        "/extension/0",
        "/extension/0/url",
        "/extension/0/valueCodeableConcept",
        "/extension/0/valueCodeableConcept/coding",
        "/extension/1/valueReference",
        "/extension/1/valueReference/identifier",
        "/extension/1/valueReference/identifier/value",
    ];
    for element in elements {
        for wrong in [json!(1), json!(true), json!(1e300), json!(["x"]), json!({ "x": 1 }), json!([["x"]])] {
            let name = format!("{element} {wrong}");
            let answer = is_orderly(&name, Some(app.post("/Consent", with(element, wrong)).await));
            assert!(matches!(answer.status, 400 | 422), "{name}: {:?}", answer.status_and_code());
        }
    }
    assert_alive(&app).await;
}

/// A NUL is valid JSON, but no FHIR string can hold it, and not every database either.
#[rstest]
#[actix_web::test]
async fn nul_character_in_a_stored_text_is_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let nul = bodies::reason_with_text("OTHER", "a\0b");
    let mut consent = consent();
    consent["extension"][0] = nul.clone();
    let mut answers = vec![("reason of a new role", app.post("/Consent", consent).await)];
    let patch = bodies::move_to("inactive", &[nul]);
    answers.push(("reason of a change", app.patch(&format!("/Consent/{ROLE}"), patch).await));
    for element in
        ["/questionnaire", "/item/0/text", "/item/0/item/1/item/0/answer/0/valueString", "/authored"]
    {
        let mut request = bodies::access_request(PROXY, "9000000025");
        let old = request.pointer(element).and_then(Value::as_str).expect("a text").to_owned();
        *request.pointer_mut(element).expect("there is such an element") = format!("{old}\0").into();
        answers.push((element, app.post("/QuestionnaireResponse", request).await));
    }
    for query in ["performer:identifier=900000001%00", "performer:identifier=9000000017&status=%00"] {
        answers.push((query, app.get(&format!("/Consent?{query}")).await));
    }
    assert_alive(&app).await;
    let accepted = |(name, answer): &(&str, Response)| match answer.status {
        400 | 422 => None,
        status => Some(format!("{name}: {status}")),
    };
    let accepted: Vec<String> = answers.iter().filter_map(accepted).collect();
    assert!(accepted.is_empty(), "{accepted:?}");
}

#[actix_web::test]
async fn body_over_the_limit_is_413_plain_and_chunked() {
    let mut options = Options::default();
    options.limits.body_bytes = 4096;
    let app = TestApp::start(Backend::Sqlite, options).await;
    for operation in OPERATIONS.into_iter().filter(|operation| operation.content_type.is_some()) {
        for size in [4097, 20_000, 3_000_000] {
            let name = format!("{} {} of {size}", operation.method, operation.path);
            let plain = operation.request(b"", &[], &vec![b' '; size]);
            let answer = is_orderly(&name, send_bytes(app.address, &plain).await);
            assert_eq!(answer.status_and_code(), (413, "BAD_REQUEST".to_owned()), "{name}");

            let chunk = format!("{size:x}\r\n{}\r\n0\r\n\r\n", " ".repeat(size));
            let chunked = [(b"Transfer-Encoding".to_vec(), b"chunked".to_vec())];
            let request = operation.request(b"", &chunked, b"");
            let request = String::from_utf8(request).unwrap().replace("Content-Length: 0\r\n", "");
            let answer =
                is_orderly(&name, send_bytes(app.address, format!("{request}{chunk}").as_bytes()).await);
            assert_eq!(answer.status_and_code(), (413, "BAD_REQUEST".to_owned()), "{name}, chunked");
        }
        let just = operation.request(b"", &[], &vec![b' '; 4096]);
        assert_ne!(is_orderly("at the limit", send_bytes(app.address, &just).await).status, 413);
    }
    assert_alive(&app).await;
}

#[actix_web::test]
async fn json_may_be_nested_to_the_limit_and_no_deeper() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    // The patch itself is two deep, so this is where the limit of 32 falls.
    let patch = |depth: usize| {
        let value = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"[{{"op":"replace","path":"/status","value":{value}}}]"#)
    };
    let path = format!("/Consent/{ROLE}");
    assert_eq!(app.patch(&path, patch(30)).await.status_and_code(), (422, "INVALID_STATUS_CODE".to_owned()));
    assert_eq!(app.patch(&path, patch(31)).await.status_and_code(), (400, "INVALID_PATCH_FORMAT".to_owned()));
}

#[actix_web::test]
async fn head_of_100_kilobytes_is_4xx_or_closed() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    let long = "a".repeat(100_000);
    let many: String = (0..500).map(|number| format!("X-Many-{number}: x\r\n")).collect();
    let rest = format!("HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: {REQUEST_ID}\r\n");
    let good = format!("{BASE}/Consent/{ROLE}");
    for (name, request) in [
        ("header", format!("GET {good} {rest}X-Long: {long}\r\n\r\n")),
        ("header name", format!("GET {good} {rest}{}: x\r\n\r\n", &long[..60_000])),
        ("many headers", format!("GET {good} {rest}{many}\r\n")),
        ("request id", format!("GET {good} {rest}X-Correlation-ID: {long}\r\n\r\n")),
        ("token", format!("GET {good} {rest}Authorization: Bearer {long}\r\n\r\n")),
        ("header of a megabyte", format!("GET {good} {rest}X-Long: {}\r\n\r\n", long.repeat(10))),
        ("path", format!("GET {good}{long} {rest}\r\n")),
        ("query", format!("GET {BASE}/Consent?status={long} {rest}\r\n")),
        (
            "query below the library's limit",
            format!("GET {BASE}/Consent?status={} {rest}\r\n", &long[..60_000]),
        ),
        ("method", format!("{long} {good} {rest}\r\n")),
    ] {
        is_orderly(name, send_bytes(app.address, request.as_bytes()).await);
    }
    assert_alive(&app).await;
}

/// The HTTP library's type for names holds 65,535 bytes.
#[actix_web::test]
async fn header_name_of_100_kilobytes_is_4xx() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    let name = "a".repeat(100_000);
    let request =
        format!("GET {BASE}/Consent/{ROLE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: x\r\n\r\n");
    let answer = send_bytes(app.address, request.as_bytes()).await;
    assert_alive(&app).await;
    assert_eq!(is_orderly("header name", answer).status / 100, 4);
}

#[actix_web::test]
async fn unusual_http_is_2xx_or_4xx() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    let id = format!("X-Request-ID: {REQUEST_ID}\r\nConnection: close\r\n");
    let good = format!("{BASE}/Consent/{ROLE}");
    for (name, request) in [
        ("HTTP/1.0", format!("GET {good} HTTP/1.0\r\n{id}\r\n")),
        ("no Host", format!("GET {good} HTTP/1.1\r\n{id}\r\n")),
        ("two Hosts", format!("GET {good} HTTP/1.1\r\nHost: a\r\nHost: b\r\n{id}\r\n")),
        ("absolute form", format!("GET http://a{good} HTTP/1.1\r\nHost: a\r\n{id}\r\n")),
        ("asterisk", format!("OPTIONS * HTTP/1.1\r\nHost: a\r\n{id}\r\n")),
        ("CONNECT", format!("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n{id}\r\n")),
        ("TRACE", format!("TRACE {good} HTTP/1.1\r\nHost: a\r\n{id}\r\n")),
        ("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        (
            "upgrade to HTTP/2",
            format!(
                "GET {good} HTTP/1.1\r\nHost: a\r\nX-Request-ID: {REQUEST_ID}\r\nConnection: close, upgrade\r\nUpgrade: h2c\r\n\r\n"
            ),
        ),
        ("body of a GET", format!("GET {good} HTTP/1.1\r\nHost: a\r\n{id}Content-Length: 2\r\n\r\n{{}}")),
        ("two request ids", format!("GET {good} HTTP/1.1\r\nHost: a\r\nX-Request-ID: x\r\n{id}\r\n")),
        ("folded header", format!("GET {good} HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n{id}\r\n")),
        ("space before the colon", format!("GET {good} HTTP/1.1\r\nHost : a\r\n{id}\r\n")),
        ("line feeds only", format!("GET {good} HTTP/1.1\r\nHost: a\r\n{id}\r\n").replace("\r\n", "\n")),
    ] {
        is_orderly(name, send_bytes(app.address, request.as_bytes()).await);
    }
    assert_alive(&app).await;
}

#[actix_web::test]
async fn short_body_is_400_or_closed() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    let body = consent().to_string();
    for operation in OPERATIONS.into_iter().filter(|operation| operation.content_type.is_some()) {
        let length = (b"Content-Length".to_vec(), (body.len() + 10).to_string().into_bytes());
        let request = operation.request(b"", &[length], body.as_bytes());
        if let Some(answer) = exchange(app.address, &request).await {
            assert_eq!(answer.status, 400, "{operation:?}");
        }
    }
    assert_alive(&app).await;
}
