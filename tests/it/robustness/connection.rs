//! What comes over the socket without being a request, or without coming to its end.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{BASE, CASES, OPERATIONS, assert_alive, exchange, for_all, judge, server};
use crate::support::poll::poll;
use crate::support::{Backend, Options, REQUEST_ID, Response, TestApp, bodies, send_bytes};

/// The sandbox, but a request must arrive within a second.
async fn impatient() -> TestApp {
    let mut options = Options::default();
    options.limits.request = Duration::from_secs(1);
    TestApp::start(Backend::Sqlite, options).await
}

/// Pieces of which requests are made, to come near to one.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "GET ",
        "POST ",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        BASE,
        "/Consent",
        "?",
        " HTTP/1.1",
        " HTTP/1.0",
        " HTTP/9.9",
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        ":",
        " ",
        "\t",
        "Host: x\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "Expect: 100-continue\r\n",
        "Upgrade: h2c\r\n",
        "Connection: upgrade\r\n",
        "\u{16}\u{3}\u{1}",
        "\0",
        " folded\r\n",
        "é",
    ];
    let piece = prop_oneof![
        5 => select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..20),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

#[actix_web::test]
async fn non_http_bytes_are_rejected_or_closed() {
    let app = impatient().await;
    let holds = async |bytes: Vec<u8>| match exchange(app.address, &bytes).await {
        None => Ok(()),
        // Pieces can make a request that asks for more before it goes on.
        Some(answer) if answer.status == 100 => Ok(()),
        Some(answer) => {
            judge("", &answer).map_err(|why| format!("{why}: {}", String::from_utf8_lossy(&bytes)))
        }
    };
    for_all(CASES, vec(any::<u8>(), 0..400), &holds).await;
    for_all(2 * CASES, fragments(), &holds).await;
    assert_alive(&app).await;
}

#[actix_web::test]
async fn contradictory_body_headers_are_rejected_or_closed() {
    let app = impatient().await;
    let body = bodies::consent("9000000017", "9000000033").to_string();
    let right = body.len().to_string();
    let pairs: [(&str, &str); 16] = [
        ("Content-Length", "0"),
        ("Content-Length", "1"),
        ("Content-Length", "999999"),
        ("Content-Length", "-1"),
        ("Content-Length", "+5"),
        ("Content-Length", "5, 5"),
        ("Content-Length", "0x10"),
        ("Content-Length", "18446744073709551616"),
        ("Content-Length", ""),
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "gzip"),
        ("Transfer-Encoding", "chunked, chunked"),
        ("Transfer-Encoding", "xchunked"),
        ("Connection", "upgrade"),
        ("Upgrade", "websocket"),
        ("Expect", "something-else"),
    ];
    let mut requests = Vec::new();
    for operation in OPERATIONS {
        for (name, value) in pairs {
            let header = (name.as_bytes().to_vec(), value.as_bytes().to_vec());
            let length = (b"Content-Length".to_vec(), right.clone().into_bytes());
            requests
                .push((operation, operation.request(b"", std::slice::from_ref(&header), body.as_bytes())));
            requests.push((operation, operation.request(b"", &[header, length], body.as_bytes())));
        }
    }
    let answers = join_all(requests.iter().map(|(_, request)| send_bytes(app.address, request))).await;
    for ((operation, request), answer) in requests.iter().zip(answers) {
        if let Some(mut answer) = answer.filter(|answer| answer.status != 100) {
            // Bytes behind a body that is shorter than it is can have an answer of their own.
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            answer.body.truncate(length.unwrap_or(answer.body.len()));
            let judged = judge(operation.method, &answer);
            judged.unwrap_or_else(|why| panic!("{why}\n{}", String::from_utf8_lossy(request)));
        }
    }
    assert_alive(&app).await;
}

#[actix_web::test]
async fn truncated_request_affects_no_other() {
    let app = server().await;
    let body = bodies::consent("9000000017", "9000000033").to_string();
    let request = OPERATIONS[4].request(b"", &[], body.as_bytes());
    for end in (0..request.len()).step_by(7) {
        if let Some(answer) = exchange(app.address, &request[..end]).await {
            assert!((400..500).contains(&answer.status), "cut at {end}: {}", answer.status);
            judge("POST", &answer).unwrap();
        }
    }
    let found = app.get("/Consent?performer:identifier=9000000017&patient:identifier=9000000033").await;
    assert_eq!(found.json()["total"], 0, "half a request made a role");
    assert_alive(&app).await;
}

fn assert_timeout(answer: Option<Response>) {
    let answer = answer.expect("there is an answer");
    assert_eq!(answer.status_and_code(), (408, "TIMEOUT".to_owned()));
    judge("POST", &answer).unwrap();
}

#[actix_web::test]
async fn missing_body_is_closed_after_the_limit() {
    let app = impatient().await;
    let head = OPERATIONS.into_iter().filter(|operation| operation.content_type.is_some()).map(|operation| {
        operation.request(b"", &[(b"Content-Length".to_vec(), b"1000".to_vec())], b"{\"resourceType\":")
    });
    let heads: Vec<Vec<u8>> = head.collect();
    for answer in join_all(heads.iter().map(|head| send_bytes(app.address, head))).await {
        assert_timeout(answer);
    }
    assert_alive(&app).await;
}

#[actix_web::test]
async fn missing_head_is_closed_after_the_limit() {
    let app = impatient().await;
    for part in ["POST ", "GET /validated-relationships/FHIR/R4/Consent HTTP/1.1\r\nHost: x\r\nX-Request-"] {
        assert_timeout(send_bytes(app.address, part.as_bytes()).await);
    }
    assert_alive(&app).await;
}

/// Sends the rest of a request byte by byte, never more than a moment apart, until there is an answer.
fn drip(address: SocketAddr, start: &[u8], byte: u8) -> Option<Response> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(start).ok()?;
    stream.set_nonblocking(true).ok()?;
    let mut answer = Vec::new();
    poll("an answer to a request that drips in", || {
        let _refused_early = stream.write(&[byte]);
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => {
                answer.extend_from_slice(&chunk[..count]);
                None
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            _ => Some(()),
        }
    });
    Response::parse(&answer)
}

#[actix_web::test]
async fn slow_request_has_the_same_timeout() {
    let app = impatient().await;
    let address = app.address;
    let head = format!("POST {BASE}/Consent HTTP/1.1\r\nHost: x\r\nX-Request-ID: {REQUEST_ID}\r\n");
    let body = format!("{head}Content-Type: application/fhir+json\r\nContent-Length: 100000\r\n\r\n");
    let dripping_body = tokio::task::spawn_blocking(move || drip(address, body.as_bytes(), b' '));
    let dripping_head =
        tokio::task::spawn_blocking(move || drip(address, format!("{head}X-Slow: ").as_bytes(), b'x'));
    assert_timeout(dripping_body.await.unwrap());
    assert_timeout(dripping_head.await.unwrap());
    assert_alive(&app).await;
}

#[actix_web::test]
async fn pipelined_requests_in_one_packet_are_each_answered() {
    let app = server().await;
    let one = format!("GET {BASE}/Consent HTTP/1.1\r\nHost: x\r\nX-Request-ID: {REQUEST_ID}\r\n\r\n");
    let last = one.replace("Host: x", "Host: x\r\nConnection: close");
    let answers = send_bytes(app.address, format!("{one}{one}{last}").as_bytes()).await.unwrap();
    let text = String::from_utf8_lossy(&answers.body).into_owned();
    assert_eq!(answers.status, 400);
    assert_eq!(text.matches("HTTP/1.1 400").count(), 2, "{text}");
    assert_eq!(text.matches("OperationOutcome").count(), 3, "{text}");
}

#[actix_web::test]
async fn non_http_bytes_after_a_response_are_rejected() {
    let app = server().await;
    let good = format!("GET {BASE}/Consent HTTP/1.1\r\nHost: x\r\nX-Request-ID: {REQUEST_ID}\r\n\r\n");
    let answers =
        send_bytes(app.address, format!("{good}this is not HTTP\r\n\r\n").as_bytes()).await.unwrap();
    let text = String::from_utf8_lossy(&answers.body).into_owned();
    let (_, second) = text.split_once("HTTP/1.1 ").expect("there are two answers");
    let second = Response::parse(format!("HTTP/1.1 {second}").as_bytes()).expect("a second answer");
    judge("GET", &second).unwrap();
}

#[actix_web::test]
async fn the_request_id_is_echoed_as_the_head_spells_it_whatever_the_body_says() {
    let app = server().await;
    let answer = send_bytes(app.address, &OPERATIONS[4].request(b"", &[], b"\nx-REQUEST-id: 1\n")).await;
    let answer = answer.expect("there is an answer");
    assert_eq!(answer.status_and_code(), (400, "BAD_REQUEST".to_owned()));
    assert!(answer.headers.iter().any(|(name, _)| name == "X-Request-ID"), "{:?}", answer.headers);
}

/// RFC 9112 §9.6: behind a request that closes the connection nothing is acted on.
#[actix_web::test]
async fn request_after_connection_close_is_not_processed() {
    let app = server().await;
    let last = OPERATIONS[3].request(b"performer:identifier=9000000017", &[], b"");
    let body = bodies::consent("9000000017", "9000000033").to_string();
    let behind = OPERATIONS[4].request(b"", &[], body.as_bytes());
    let answer = send_bytes(app.address, &[last, behind].concat()).await.expect("there is an answer");
    assert_eq!(answer.status, 200);
    let found = app.get("/Consent?performer:identifier=9000000017&patient:identifier=9000000033").await;
    assert_eq!(found.json()["total"], 0, "the second request made a role");
    assert!(!String::from_utf8_lossy(&answer.body).contains("HTTP/1.1 "), "there are two answers");
}

/// SEC-6: with LF for CRLF, too. The guard of the wire refuses the first head.
#[actix_web::test]
async fn request_with_bare_lf_is_400_and_later_ones_are_not_processed() {
    let app = server().await;
    let last = OPERATIONS[3].request(b"performer:identifier=9000000017", &[], b"");
    let body = bodies::consent("9000000017", "9000000033").to_string();
    let behind = OPERATIONS[4].request(b"", &[], body.as_bytes());
    let both = String::from_utf8([last, behind].concat()).expect("text").replace("\r\n", "\n");
    let answer = send_bytes(app.address, both.as_bytes()).await.expect("there is an answer");
    assert_eq!(answer.status_and_code(), (400, "BAD_REQUEST".to_owned()));
    judge("GET", &answer).unwrap();
    assert!(!String::from_utf8_lossy(&answer.body).contains("HTTP/1.1 "), "there are two answers");
    let found = app.get("/Consent?performer:identifier=9000000017&patient:identifier=9000000033").await;
    assert_eq!(found.json()["total"], 0, "the second request made a role");
    assert_alive(&app).await;
}

/// Each of these has another end for another reader: 400, and the connection is closed.
#[actix_web::test]
async fn an_ambiguous_end_of_a_message_is_400_and_closes_the_connection() {
    let app = server().await;
    let behind = "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n";
    for request in [
        "GET /ready HTTP/1.1\r\nHost: x\n\n",
        "GET /ready HTTP/1.1\nHost: x\r\n\r\n",
        "GET /ready HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
        "GET /ready HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
        "GET /ready HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n",
        "GET /ready HTTP/1.1\r\nHost: x\r\nConnection : close\r\n\r\n",
        "POST /ready HTTP/1.1\r\nHost: x\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /ready HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\r\n\r\nGET /ready HTTP/1.1\r\nHost: x\r\n\r\n",
        "\nGET /ready HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /ready\r\n\r\n",
    ] {
        let answer = send_bytes(app.address, format!("{request}{behind}").as_bytes()).await;
        let answer = answer.unwrap_or_else(|| panic!("no answer to {request:?}"));
        assert_eq!(answer.status_and_code(), (400, "BAD_REQUEST".to_owned()), "{request:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("HTTP/1.1 "), "two answers: {request:?}");
    }
    let consent = format!("POST {BASE}/Consent HTTP/1.1\r\nHost: x\r\nX-Request-ID: {REQUEST_ID}\r\n");
    for chunks in [
        "2 \r\n{}\r\n0\r\n\r\n",
        "2\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\r\nX: y\n\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
    ] {
        let fields = "Content-Type: application/fhir+json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let request = format!("{consent}{fields}{chunks}{behind}");
        let answer = send_bytes(app.address, request.as_bytes()).await.expect("there is an answer");
        assert_eq!(answer.status, 400, "{chunks:?}");
        assert!(
            !String::from_utf8_lossy(&answer.body).contains(" 200 OK"),
            "acted on what is behind {chunks:?}"
        );
    }
    assert_alive(&app).await;
}

/// Behind a body of chunks, too, nothing is acted on once the connection is to be closed.
#[actix_web::test]
async fn request_after_a_closing_chunked_body_is_not_processed() {
    let app = server().await;
    let head = "POST /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let behind = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = send_bytes(app.address, format!("{head}1\r\na\r\n0\r\n\r\n{behind}").as_bytes()).await;
    let answer = answer.expect("there is an answer");
    assert!(!String::from_utf8_lossy(&answer.body).contains("HTTP/1.1 "), "there are two answers");
}
