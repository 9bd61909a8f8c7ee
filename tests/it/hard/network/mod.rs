//! Hostile clients, against the process itself. While they attack, an honest client is served; the memory stays within
//! what is said; and when they are gone, everything is as it was.

mod bodies;
mod heads;
mod idle;
mod slow;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::service::{Service, memory_within, read};
use super::{measured, millis, scale};

/// How long a request may take to arrive, in these tests.
const LIMIT: Duration = Duration::from_secs(4);
/// So much later it is over for certain, on a machine that others use as well.
const SLACK: Duration = Duration::from_secs(60);

fn service() -> Service {
    Service::start("[limits]\nrequest_seconds = 4\nrequests_per_minute = 0\nlog_in_requests_per_minute = 0")
}

/// A connection of an attacker, who waits for nothing.
struct Hostile {
    stream: TcpStream,
    heard: Vec<u8>,
    is_over: bool,
}

impl Hostile {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nonblocking(true).expect("a socket");
        Self { stream, heard: Vec::new(), is_over: false }
    }

    /// Sends what the socket takes. A broken connection is over.
    fn send(&mut self, bytes: &[u8]) -> usize {
        match self.stream.write(bytes) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_broken) => {
                self.listen();
                self.is_over = true;
                0
            }
        }
    }

    /// Reads what there is to read, and notices the end.
    fn listen(&mut self) {
        let mut chunk = [0; 4096];
        while !self.is_over {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.is_over = true,
                Ok(count) => self.heard.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_broken) => self.is_over = true,
            }
        }
    }

    /// The statuses that it was answered.
    fn statuses(&self) -> Vec<u16> {
        let text = String::from_utf8_lossy(&self.heard);
        text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)?.parse().ok()).collect()
    }

    /// No more will come from here.
    fn shut(&self) {
        let _gone = self.stream.shutdown(Shutdown::Write);
    }
}

/// Does something to each connection, again and again, until the server has ended all of them.
fn until_over(
    hostile: &mut [Hostile],
    within: Duration,
    pause: Duration,
    act: impl Fn(&mut Hostile),
) -> Duration {
    let began = Instant::now();
    while hostile.iter().any(|one| !one.is_over) {
        let left = hostile.iter().filter(|one| !one.is_over).count();
        assert!(began.elapsed() < within, "{left} connections are still there after {:?}", began.elapsed());
        for one in hostile.iter_mut().filter(|one| !one.is_over) {
            act(one);
            one.listen();
        }
        thread::sleep(pause);
    }
    began.elapsed()
}
