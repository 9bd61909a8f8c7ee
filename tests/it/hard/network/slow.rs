//! Clients that are slow to send a head, the next head or a body, or to read the response.

use crate::support::poll::poll;

use super::{
    Duration, Hostile, LIMIT, SLACK, Service, measured, memory_within, millis, scale, service, until_over,
};

const HEAD: &str = "GET /FHIR/R4/metadata HTTP/1.1\r\nHost: x\r\n";

/// Begins so many requests, and lets them drip in; each must be ended with 408.
fn drip(name: &str, count: usize, begin: &str, answered: &[u16]) {
    let mut service = service();
    let (before, files) = (service.memory().0, service.files());
    let ((took, hostile), served) = service.attacked(|| {
        // Each sends as soon as it is connected: its time runs, and to connect all of them takes as long.
        let open = || {
            let mut one = Hostile::open(service.address);
            assert_eq!(one.send(begin.as_bytes()), begin.len());
            one
        };
        let mut hostile: Vec<Hostile> = std::iter::repeat_with(open).take(count).collect();
        let took = until_over(&mut hostile, LIMIT + SLACK, Duration::from_millis(300), |one| {
            one.send(b"x");
        });
        (took, hostile)
    });
    let text = hostile.iter().filter(|one| one.statuses() == answered).count();
    assert!(text * 100 >= count * 95, "{text} of {count} were told; {:?}", hostile[0].statuses());
    drop(hostile);
    let most = service.memory().1;
    measured(name, format!("{count} connections ended after {}", millis(took)));
    measured(&format!("{name}: memory"), memory_within(200, before, most));
    measured(&format!("{name}: honest client"), served.well());
    service.assert_recovered(files);
}

#[test]
fn slow_heads_are_closed_by_timeout() {
    drip("slowloris", scale(300, 4000), &format!("{HEAD}X-Slow: "), &[408]);
}

/// The HTTP library gives the first head of a connection its time, and no other.
#[test]
fn slow_second_head_has_the_same_timeout() {
    let health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    drip(
        "slowloris on the second request",
        scale(300, 4000),
        &format!("{health}{HEAD}X-Slow: "),
        &[200, 408],
    );
}

#[test]
fn slow_bodies_are_closed_by_timeout() {
    let head = "POST /FHIR/R4/Consent HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret-token\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: 100000\r\n\r\n";
    drip("slow bodies", scale(300, 4000), head, &[408]);
}

/// They request much and read nothing of it.
#[test]
fn unread_responses_are_closed_by_timeout() {
    let mut service = service();
    let (before, files) = (service.memory().0, service.files());
    let requests = format!("{HEAD}\r\n").repeat(400);
    let count = scale(40, 400);
    let ((ended, took), served) = service.attacked(|| stall(&service, &requests, count));
    assert!(ended * 10 >= count * 9, "{ended} of {count} connections were ended");
    measured("answers not taken", format!("{ended} of {count} connections ended after {}", millis(took)));
    measured("answers not taken: memory", memory_within(250, before, service.memory().1));
    measured("answers not taken: honest client", served.well());
    service.assert_recovered(files);
}

/// Waits, without reading, until the server has closed its side of every connection.
fn stall(service: &Service, requests: &str, count: usize) -> (usize, Duration) {
    let files = service.files();
    let mut hostile: Vec<Hostile> = (0..count).map(|_| Hostile::open(service.address)).collect();
    let began = std::time::Instant::now();
    for one in &mut hostile {
        one.send(requests.as_bytes());
    }
    poll("the connections to be taken", || (service.files() > files + count / 2).then_some(()));
    loop {
        let open = service.files().saturating_sub(files + 10);
        // Until an answer waits, the buffers of the system must be full.
        if open == 0 || began.elapsed() > LIMIT + SLACK {
            return (count.saturating_sub(open), began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
