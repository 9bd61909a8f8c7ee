//! Heads that are too large, too many requests at once, and half-closed connections.

use super::{Duration, Hostile, LIMIT, SLACK, measured, memory_within, millis, scale, service, until_over};

/// Each of these is answered so, by many connections at once.
fn flood(name: &str, request: &str, more: &[u8], status: u16) {
    let mut service = service();
    let (before, files) = (service.memory().0, service.files());
    let count = scale(40, 500);
    let ((took, hostile), served) = service.attacked(|| {
        let mut hostile: Vec<Hostile> = (0..count).map(|_| Hostile::open(service.address)).collect();
        for one in &mut hostile {
            let mut sent = 0;
            // What the socket does not take now is sent with what follows.
            while sent < request.len() && !one.is_over {
                sent += one.send(&request.as_bytes()[sent..]);
                one.listen();
            }
        }
        let took = until_over(&mut hostile, LIMIT + SLACK, Duration::from_millis(5), |one| {
            one.send(more);
        });
        (took, hostile)
    });
    let text = hostile.iter().filter(|one| one.statuses() == [status]).count();
    // A client that still sends when the connection is closed may lose the answer to the reset.
    let least = if more.is_empty() { count } else { count / 2 };
    assert!(text >= least, "{text} of {count} were told {status}; {:?}", hostile[0].statuses());
    let outcome = hostile.iter().find(|one| !one.heard.is_empty()).expect("an answer");
    assert!(String::from_utf8_lossy(&outcome.heard).contains("OperationOutcome"));
    drop(hostile);
    measured(name, format!("{count} connections answered {status} after {}", millis(took)));
    measured(&format!("{name}: memory"), memory_within(150, before, service.memory().1));
    measured(&format!("{name}: honest client"), served.well());
    service.assert_recovered(files);
}

const LINE: &str = "GET /FHIR/R4/metadata HTTP/1.1\r\nHost: x\r\n";

#[test]
fn head_with_many_headers_is_431() {
    let headers: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    flood("200 headers", &format!("{LINE}{headers}\r\n"), b"", 431);
}

#[test]
fn huge_header_is_431() {
    flood("a header without end", &format!("{LINE}X-Huge: {}", "y".repeat(60_000)), &[b'y'; 8192], 431);
}

#[test]
fn endless_headers_are_431() {
    flood("headers without end", LINE, "X-More: y\r\n".repeat(500).as_bytes(), 431);
}

#[test]
fn huge_url_is_414() {
    flood("a URL without end", &format!("GET /FHIR/R4/Consent?{}", "a".repeat(60_000)), &[b'a'; 8192], 414);
}

/// SEC-6: requests whose lines end in LF alone, many behind one another, of a client that reads nothing.
#[test]
fn pipelined_requests_with_bare_lf_are_refused_and_not_kept() {
    let requests = "GET /FHIR/R4/metadata HTTP/1.1\nHost: x\n\n".repeat(1500);
    flood("bare LF, pipelined", &requests, requests.as_bytes(), 400);
}

/// Many requests at once on a connection are answered one after the other, each of them.
#[test]
fn pipelined_requests_are_all_answered() {
    let mut service = service();
    let (before, files) = (service.memory().0, service.files());
    let (count, each) = (scale(10, 50), scale(300, 2000));
    let (took, served) = service.attacked(|| {
        let requests = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(each);
        let began = std::time::Instant::now();
        let mut hostile: Vec<(Hostile, usize)> =
            (0..count).map(|_| (Hostile::open(service.address), 0)).collect();
        while hostile.iter().any(|(one, _)| one.statuses().len() < each) {
            assert!(began.elapsed() < Duration::from_secs(60), "{:?}", hostile[0].0.statuses().len());
            for (one, sent) in &mut hostile {
                *sent += one.send(&requests.as_bytes()[*sent..]);
                one.listen();
                assert!(!one.is_over, "ended after {} answers", one.statuses().len());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(hostile.iter().all(|(one, _)| one.statuses().iter().all(|status| *status == 200)));
        began.elapsed()
    });
    measured(
        "pipelining",
        format!("{count} connections, {each} requests each, answered after {}", millis(took)),
    );
    measured("pipelining: memory", memory_within(100, before, service.memory().1));
    measured("pipelining: honest client", served.well());
    service.assert_recovered(files);
}

/// A client that closes its own side after a whole request is answered; one with a partial request is not
/// waited for.
#[test]
fn half_closed_connections_are_answered_and_ended() {
    let mut service = service();
    let files = service.files();
    let requests = [
        (format!("{LINE}\r\n"), Some(200)),
        (LINE.to_owned(), None),
        (String::new(), None),
        ("POST /FHIR/R4/Consent HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{".to_owned(), None),
    ];
    for (request, status) in requests {
        let mut hostile: Vec<Hostile> = (0..50).map(|_| Hostile::open(service.address)).collect();
        for one in &mut hostile {
            one.send(request.as_bytes());
            one.shut();
        }
        until_over(&mut hostile, LIMIT + SLACK, Duration::from_millis(20), |_| {});
        for one in &hostile {
            match (one.statuses().as_slice(), status) {
                ([text], Some(status)) => assert_eq!(*text, status),
                ([], None) => {}
                ([text], None) => assert!((400..500).contains(text), "{request}: {text}"),
                (text, _) => panic!("{request}: {text:?}"),
            }
        }
    }
    service.assert_recovered(files);
}
