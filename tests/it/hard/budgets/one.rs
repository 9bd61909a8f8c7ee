//! One request with an expensive body, on each API, from each kind of caller: how long it keeps a serving thread and the
//! writer from others, and what it takes of memory. The server has one serving thread. `/health` is answered by that thread
//! alone; a read of a role is answered when its record was written.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::bodies::{self, Costly};
use super::callers::BudgetTarget;
use super::{MOST, MOST_BESIDE_OTHERS, is_full, measured, millis, read, scale};
use crate::support::{Connection, Request};

/// The longest waits while one request was answered.
#[derive(Clone, Copy, Default)]
struct Waits {
    health: Duration,
    read: Duration,
    answer: Duration,
    status: u16,
}

/// Asks this again and again, on one connection, until it is over; the longest wait.
fn probe(target: &BudgetTarget, request: &Request, is_over: &AtomicBool) -> Duration {
    let mut worst = Duration::ZERO;
    let mut connection = Connection::open(target.service.address).expect("the server listens");
    loop {
        let was_over = is_over.load(Ordering::Relaxed);
        let began = Instant::now();
        let answer = connection.send(request).expect("an honest client is answered");
        assert_eq!(answer.status, 200);
        worst = worst.max(began.elapsed());
        if was_over {
            return worst;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn send(target: &BudgetTarget, costly: &Costly, token: &str) -> Waits {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let health = scope.spawn(|| probe(target, &Request::new("GET", "/health"), &is_over));
        let reads = scope.spawn(|| probe(target, &read(), &is_over));
        let began = Instant::now();
        // A body that is too large may be refused before all of it was sent: then there may be no answer.
        let answer = target.service.ask(&costly.request.clone().bearer(token));
        let took = began.elapsed();
        is_over.store(true, Ordering::Relaxed);
        let status = answer.map_or(0, |answer| answer.status);
        assert!(status < 500 || status == 503, "{} {}: {status}", costly.api, costly.what);
        Waits {
            health: health.join().expect("a probe"),
            read: reads.join().expect("a probe"),
            answer: took,
            status,
        }
    })
}

#[test]
fn one_request_of_a_megabyte_does_not_block_others_for_long() {
    let size = scale(150_000, 1_000_000);
    let target = BudgetTarget::start(1);
    let (limit, mut late) = (if is_full() { MOST } else { MOST_BESIDE_OTHERS }, Vec::new());
    for costly in bodies::all(size) {
        let before = target.service.memory().1;
        let name = format!("{}: {}", costly.api, costly.what);
        let mut worst = Waits::default();
        let mut statuses = Vec::new();
        for caller in &target.callers {
            let waits = send(&target, &costly, &caller.token);
            statuses.push(format!("{} {}", caller.kind, waits.status));
            worst.health = worst.health.max(waits.health);
            worst.read = worst.read.max(waits.read);
            worst.answer = worst.answer.max(waits.answer);
        }
        let grown = target.service.memory().1.saturating_sub(before) / 1024;
        measured(
            &name,
            format!(
                "{} | {} | {} | {grown} MB | {}",
                millis(worst.answer),
                millis(worst.health),
                millis(worst.read),
                statuses.join(", ")
            ),
        );
        if worst.health.max(worst.read) > limit {
            late.push(name);
        }
    }
    assert!(late.is_empty(), "these keep others waiting: {late:?}");
    let log = target.service.running.stderr();
    assert!(!log.contains("panic") && !log.contains("held the writer"), "{log}");
}
