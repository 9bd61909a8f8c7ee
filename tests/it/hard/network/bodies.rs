//! Endless bodies, bodies with a wrong length, and compressed bodies.

use std::process::Command;
use std::time::Instant;

use super::{
    Duration, Hostile, LIMIT, SLACK, Service, measured, memory_within, millis, scale, service, until_over,
};
use crate::cli::TOKEN;
use crate::support::{Request, Response};

/// Where bodies go, and where they have no business.
const PLACES: [(&str, &str); 8] = [
    ("POST", "/FHIR/R4/Consent"),
    ("POST", "/FHIR/R4/"),
    ("PUT", "/FHIR/R4/Consent/1"),
    ("POST", "/validated-relationships/FHIR/R4/Consent"),
    ("PATCH", "/validated-relationships/FHIR/R4/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722"),
    ("POST", "/nowhere"),
    ("GET", "/health"),
    ("GET", "/FHIR/R4/metadata"),
];

fn head(method: &str, path: &str, framing: &str) -> String {
    let kind = if method == "PATCH" { "application/json-patch+json" } else { "application/fhir+json" };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {kind}\r\n\
         X-Request-ID: 60E0B220-8136-4CA5-AE46-1D97EF59D068\r\n{framing}\r\n\r\n"
    )
}

/// Sends for as long as the server takes it. Every place is attacked by several at once.
fn pour(name: &str, framing: &str, piece: &[u8]) {
    let mut service = service();
    let (before, files) = (service.memory().0, service.files());
    let each = scale(4, 50);
    let ((took, hostile), served) = service.attacked(|| {
        let mut hostile = Vec::new();
        for (method, path) in PLACES {
            for _ in 0..each {
                let mut one = Hostile::open(service.address);
                one.send(head(method, path, framing).as_bytes());
                hostile.push(one);
            }
        }
        let within = LIMIT + SLACK;
        let took = until_over(&mut hostile, within, Duration::from_millis(5), |one| {
            one.send(piece);
        });
        (took, hostile)
    });
    for (one, (method, path)) in hostile.iter().zip(PLACES.iter().flat_map(|place| vec![place; each])) {
        let statuses = one.statuses();
        assert!(statuses.iter().all(|status| *status < 500), "{method} {path}: {statuses:?}");
    }
    let count = hostile.len();
    drop(hostile);
    measured(name, format!("{count} connections ended after {}", millis(took)));
    measured(&format!("{name}: memory"), memory_within(200, before, service.memory().1));
    measured(&format!("{name}: honest client"), served.well());
    service.assert_recovered(files);
}

#[test]
fn endless_chunked_body_is_closed() {
    let piece = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
    pour("bodies of chunks without end", "Transfer-Encoding: chunked", piece.as_bytes());
}

#[test]
fn endless_one_byte_chunks_are_closed() {
    pour("chunks of one byte", "Transfer-Encoding: chunked", "1\r\n \r\n".repeat(1000).as_bytes());
}

#[test]
fn ten_gigabyte_body_is_closed() {
    pour("bodies of 10 GB", "Content-Length: 10000000000", &[b' '; 8192]);
}

/// Large bodies share their room, here as much as one may take that does not say its length; small ones need none.
#[test]
fn a_large_body_waits_until_there_is_room_and_a_small_one_does_not() {
    let service = Service::start("[limits]\nbody_bytes = 100000000\nrequest_seconds = 20");
    let mut holder = Hostile::open(service.address);
    holder.send(head("POST", "/FHIR/R4/Consent", "Transfer-Encoding: chunked").as_bytes());
    holder.send(format!("7530\r\n{}\r\n", " ".repeat(0x7530)).as_bytes());
    std::thread::sleep(Duration::from_millis(500));
    let post = |size: usize| {
        let request = Request::new("POST", "/FHIR/R4/Consent").bearer(TOKEN);
        let request = request.header("Content-Type", "application/fhir+json").bytes(vec![b' '; size]);
        let began = Instant::now();
        (service.ask(&request).map(|answer| answer.status), began.elapsed())
    };
    std::thread::scope(|scope| {
        let large = scope.spawn(|| post(40_000));
        let (status, took) = post(10_000);
        assert_eq!(status, Some(400));
        assert!(took < Duration::from_secs(1), "{took:?}");
        std::thread::sleep(Duration::from_secs(2));
        assert!(!large.is_finished());
        drop(holder);
        let (status, took) = large.join().expect("an answer");
        assert_eq!(status, Some(400));
        assert!(took > Duration::from_secs(2), "{took:?}");
    });
}

#[test]
fn bytes_after_content_length_are_not_a_second_request() {
    let service = service();
    let mut one = Hostile::open(service.address);
    let smuggled = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let head = head("POST", "/FHIR/R4/Consent", "Content-Length: 2\r\nTransfer-Encoding: chunked");
    one.send(format!("{head}0\r\n\r\n{smuggled}").as_bytes());
    one.shut();
    let mut all = [one];
    until_over(&mut all, LIMIT + SLACK, Duration::from_millis(20), |_| {});
    let statuses = all[0].statuses();
    assert!(statuses.first().is_some_and(|status| *status == 400), "{statuses:?}");
    assert!(!statuses.contains(&200), "{statuses:?}");
}

/// 100 MB of nothing, as 100 kB. Nothing is unpacked here, so it is bytes like any other.
#[test]
fn a_compression_bomb_is_not_unpacked() {
    let mut service = service();
    let (before, files) = (service.memory().0, service.files());
    let made = Command::new("sh").args(["-c", "head -c 100000000 /dev/zero | gzip -9"]).output();
    let bomb = made.expect("gzip runs").stdout;
    assert!((50_000..1_000_000).contains(&bomb.len()), "{}", bomb.len());
    let (answers, served) = service.attacked(|| throw(&service, &bomb));
    for (path, encoding, answer) in answers {
        assert!((400..500).contains(&answer.status), "{path} {encoding}: {}", answer.status);
    }
    measured("compression bomb: memory", memory_within(40, before, service.memory().1));
    measured("compression bomb: honest client", served.well());
    service.assert_recovered(files);
}

type Thrown = (&'static str, &'static str, Response);

fn throw(service: &Service, bomb: &[u8]) -> Vec<Thrown> {
    let mut answers = Vec::new();
    for (method, path) in PLACES.iter().filter(|(method, _)| *method != "GET") {
        for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
            let kind =
                if *method == "PATCH" { "application/json-patch+json" } else { "application/fhir+json" };
            let request = Request::new(method, path).with_id().bearer(TOKEN).header("Content-Type", kind);
            let request = request.header("Content-Encoding", encoding).bytes(bomb.to_vec());
            answers.push((*path, encoding, service.ask(&request).expect("an answer")));
        }
    }
    answers
}
