//! Requests that cost the server more than their client: the most expensive body or query within a limit, and
//! those beyond it, sent by each kind of caller while an honest client sends requests.

mod attacks;
mod bodies;
mod callers;
mod one;

use std::time::{Duration, Instant};

use super::service::{Service, read};
use super::{is_full, measured, millis, scale};

/// An honest request may take three times as long as without an attack (99 of 100, where the attackers leave a core to it), and
/// never longer than this.
const MOST: Duration = Duration::from_secs(1);
/// In an ordinary run, where other tests use the machine as well.
const MOST_BESIDE_OTHERS: Duration = Duration::from_secs(5);

/// The latencies of an honest client that asks again and again for `time`, sorted.
fn honest(service: &Service, time: Duration) -> Vec<Duration> {
    let began = Instant::now();
    let mut latencies = Vec::new();
    while began.elapsed() < time {
        let asked = Instant::now();
        let answer = service.ask(&read()).expect("an honest client is answered");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        latencies.push(asked.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    latencies.sort();
    latencies
}

fn part(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

/// Compares an honest client's latencies under attack with those without, and says what they were.
#[track_caller]
fn compare(without: &[Duration], under: &[Duration], has_core: bool) -> String {
    let (p99, worst) = (part(under, 99), part(under, 100));
    let figures = format!(
        "p99 {} without, {} under attack, worst {}, {} asked",
        millis(part(without, 99)),
        millis(p99),
        millis(worst),
        under.len()
    );
    if is_full() {
        assert!(worst < MOST && (!has_core || p99 <= 3 * part(without, 99)), "{figures}");
    } else {
        assert!(worst < MOST_BESIDE_OTHERS, "{figures}");
    }
    figures
}
