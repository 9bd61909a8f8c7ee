//! Malformed input, for each reader of bytes from outside: it must neither panic, nor take long, nor need a deep stack.
//!
//! Each target has a kept corpus (`tests/it/data/fuzz/TARGET`), which is tried unchanged. Then, for a fixed time
//! (`ONBEHALF_FUZZ_SECONDS` for each target), its inputs are cut, doubled, crossed and mixed. An input whose answer has
//! new words is kept for the rest of the run and changed further; with `ONBEHALF_FUZZ_KEEP=1` it is written into the
//! corpus.
//!
//! No fuzzing crate is used, because none is guided by coverage on the stable compiler: bolero's engine for `cargo test`
//! draws bytes and does not start from its corpus, and its code coverage needs a nightly compiler's flags.

mod mutate;
mod targets;

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::{is_full, measured};
use mutate::Mutator;

/// How long one input may take in a build that is not optimised.
const SLOW: Duration = Duration::from_secs(2);
/// After this an input is taken to hang.
const HANGS: Duration = Duration::from_secs(20);
/// The stack of a thread that serves requests.
const STACK: usize = 2 << 20;
/// The longest input.
const LONGEST: usize = 64 * 1024;

/// What reads bytes, and says in a word or more what it made of them.
type Target = fn(&[u8]) -> String;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/fuzz").join(name)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// The kept corpus, in the order of its names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder(name)).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a file")).collect()
}

/// Tries a target for its time.
fn fuzz(name: &'static str, target: Target) {
    let seconds = number("ONBEHALF_FUZZ_SECONDS").unwrap_or(if is_full() { 60 } else { 3 });
    let (text, heard) = channel();
    let now: Arc<Mutex<Vec<u8>>> = Arc::default();
    let trying = Arc::clone(&now);
    let work = move || drop(text.send(run(name, target, Duration::from_secs(seconds), &trying)));
    let thread = thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread");
    match heard.recv_timeout(Duration::from_secs(seconds) + HANGS) {
        Ok(tried) => {
            thread.join().expect("it ended");
            measured(&format!("fuzzing {name}"), format!("{tried}, {seconds} s"));
        }
        Err(RecvTimeoutError::Timeout) => panic!("{name} hangs on {}", shown(&lock(&now))),
        Err(RecvTimeoutError::Disconnected) => panic!("{name} fails on {}", shown(&lock(&now))),
    }
}

fn lock(now: &Mutex<Vec<u8>>) -> std::sync::MutexGuard<'_, Vec<u8>> {
    now.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(name: &str, target: Target, time: Duration, now: &Mutex<Vec<u8>>) -> String {
    let mut kept = corpus(name);
    let (known, mut answers, mut tried) = (kept.len(), HashSet::new(), 0_u64);
    for input in &kept {
        answers.insert(attempt(target, input, now));
    }
    let mut mutator = Mutator::new(number("ONBEHALF_FUZZ_SEED").unwrap_or(1));
    let end = Instant::now() + time;
    while Instant::now() < end {
        let mut input = mutator.change(&kept);
        input.truncate(LONGEST);
        if answers.insert(attempt(target, &input, now)) && kept.len() < known + 2000 {
            if std::env::var("ONBEHALF_FUZZ_KEEP").is_ok() && input.len() < 4096 {
                keep(name, &input);
            }
            kept.push(input);
        }
        tried += 1;
    }
    format!("{tried} inputs from {known} kept ones, {} different answers", answers.len())
}

/// Tries one input. What fails is made smaller as long as it fails, and shown.
fn attempt(target: Target, input: &[u8], now: &Mutex<Vec<u8>>) -> [u8; 32] {
    lock(now).clone_from(&input.to_vec());
    let began = Instant::now();
    let Ok(answer) = catch_unwind(AssertUnwindSafe(|| target(input))) else {
        let fails = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| target(input))).is_err();
        panic!("it panics on {}", shown(&mutate::smallest(input, fails)));
    };
    let took = began.elapsed();
    assert!(took < SLOW, "{took:?} for {}", shown(input));
    Sha256::digest(answer).into()
}

fn keep(name: &str, input: &[u8]) {
    let digest: String = Sha256::digest(input).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    fs::write(folder(name).join(digest), input).expect("the corpus can be written to");
}

fn shown(input: &[u8]) -> String {
    format!("{} bytes: {}", input.len(), input.escape_ascii())
}
