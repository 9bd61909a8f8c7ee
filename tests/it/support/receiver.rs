//! A consumer: a real HTTP server on localhost that keeps every request, with scripted responses.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::poll::poll;
use super::record_notification;

/// A request that a consumer was sent.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// How a consumer answers.
#[derive(Clone, Debug)]
pub enum ReceiverResponse {
    /// With a status, these header lines, each ended by CRLF, and this body.
    With(u16, &'static str, &'static str),
    /// Never.
    Hang,
    /// With a status and a body that never ends.
    Endless(u16),
    /// With a byte of the head now and then.
    Drip,
    /// With half of the body that the head promises.
    Half,
    /// By closing the connection.
    Close,
}

/// A consumer that is there.
pub struct Receiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
}

type Decide = dyn Fn(&ReceivedRequest) -> ReceiverResponse + Send + Sync;

impl ReceiverResponse {
    pub const fn status(status: u16) -> Self {
        Self::With(status, "", "")
    }
}

impl ReceivedRequest {
    /// The value of a header, whatever the letter case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

impl Receiver {
    /// A consumer that decides of each request how to answer it.
    pub fn start(decide: impl Fn(&ReceivedRequest) -> ReceiverResponse + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", decide)
    }

    /// The same, at this address of loopback.
    pub fn start_at(
        address: &str,
        decide: impl Fn(&ReceivedRequest) -> ReceiverResponse + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let (log, decide): (_, Arc<Decide>) = (Arc::clone(&received), Arc::new(decide));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, decide) = (Arc::clone(&log), Arc::clone(&decide));
                thread::spawn(move || serve(stream, &log, &*decide));
            }
        });
        Self { address, received }
    }

    /// A consumer that takes everything.
    pub fn willing() -> Self {
        Self::start(|_| ReceiverResponse::status(200))
    }

    /// The same, at this address of loopback.
    pub fn willing_at(address: &str) -> Self {
        Self::start_at(address, |_| ReceiverResponse::status(200))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it was sent so far.
    pub fn all(&self) -> Vec<ReceivedRequest> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it was sent so many requests, and returns all of them.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<ReceivedRequest> {
        poll("a consumer to be called", || Some(self.all()).filter(|all| all.len() >= count))
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<ReceivedRequest>>, decide: &Decide) {
    let mut bytes = Vec::new();
    while let Some(request) = read(&mut stream, &mut bytes) {
        record_notification(request.header("content-type").unwrap_or_default(), &request.body);
        let answer = decide(&request);
        log.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        if respond(&mut stream, answer).is_none() {
            return;
        }
    }
}

fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<ReceivedRequest> {
    let mut chunk = [0; 16384];
    loop {
        if let Some((request, used)) = parse(bytes) {
            bytes.drain(..used);
            return Some(request);
        }
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        // The beginning of TLS, which is not spoken here.
        if bytes.first() == Some(&22) {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok()?;
            return None;
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(ReceivedRequest, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers: Vec<(String, String)> =
        head.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect();
    let content = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let content: usize = content.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let body = bytes.get(length..length + content)?.to_vec();
    let (method, path) = (head.method?.to_owned(), head.path?.to_owned());
    Some((ReceivedRequest { method, path, headers, body }, length + content))
}

/// `None` when the connection is done with.
fn respond(stream: &mut TcpStream, answer: ReceiverResponse) -> Option<()> {
    match answer {
        ReceiverResponse::With(status, lines, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{lines}\r\n{body}");
            stream.write_all(head.as_bytes()).ok()
        }
        ReceiverResponse::Hang => {
            // Until the other side goes.
            let mut chunk = [0; 64];
            while stream.read(&mut chunk).is_ok_and(|count| count > 0) {}
            None
        }
        ReceiverResponse::Endless(status) => {
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 104857600\r\n\r\n");
            stream.write_all(head.as_bytes()).ok()?;
            while stream.write_all(&[b'x'; 8192]).is_ok() {}
            None
        }
        ReceiverResponse::Drip => {
            for byte in "HTTP/1.1 200 OK\r\n".bytes().chain(std::iter::repeat(b'x')) {
                stream.write_all(&[byte]).ok()?;
                thread::sleep(Duration::from_millis(50));
            }
            None
        }
        ReceiverResponse::Half => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it").ok()?;
            None
        }
        ReceiverResponse::Close => None,
    }
}
