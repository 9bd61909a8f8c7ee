//! An HTTP/1.1 client that sends exactly the given bytes and shows exactly the response, letter case of
//! header names included.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::record;

/// The request id that tests send.
pub const REQUEST_ID: &str = "60E0B220-8136-4CA5-AE46-1D97EF59D068";

/// A request under construction.
#[derive(Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A FHIR resource, with everything that the contract asks for.
    pub fn post(path: &str, body: impl ToString) -> Self {
        Self::new("POST", path).with_id().header("Content-Type", "application/fhir+json").body(body)
    }

    /// A JSON Patch, with everything that the contract asks for.
    pub fn patch(path: &str, body: impl ToString) -> Self {
        Self::new("PATCH", path).with_id().header("Content-Type", "application/json-patch+json").body(body)
    }

    pub fn with_id(self) -> Self {
        self.header("X-Request-ID", REQUEST_ID)
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Takes a header away again, whatever its letter case.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub fn body(mut self, body: impl ToString) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }

    pub fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub async fn send(self, address: SocketAddr) -> Response {
        let bytes = self.to_bytes(address, "close");
        send_bytes(address, &bytes).await.expect("there is an answer")
    }

    /// The bytes that go over the wire; `connection` is `close` or `keep-alive`.
    pub fn to_bytes(&self, address: SocketAddr, connection: &str) -> Vec<u8> {
        let (method, path) = (&self.method, &self.path);
        let mut bytes =
            format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: {connection}\r\n");
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method == "POST" || self.method == "PATCH" {
            bytes.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Sends bytes as they are and reads one answer; `None` when the server closes without one. The server
/// has 20 seconds.
pub async fn send_bytes(address: SocketAddr, bytes: &[u8]) -> Option<Response> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        // A server that refuses early may close before it has read everything.
        let _refused_early = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        let answer = Response::parse(&answer)?;
        record(bytes, &answer);
        Some(answer)
    };
    tokio::time::timeout(Duration::from_secs(20), exchange).await.expect("the server answers in time")
}

impl Response {
    /// Reads an answer whose bytes are all there.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Some(Self {
            status: head.code?,
            headers: head.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect(),
            body: bytes[length..].to_vec(),
        })
    }

    /// The value of a header, whatever the letter case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    /// The error code of the contract.
    pub fn code(&self) -> String {
        self.json()["issue"][0]["details"]["coding"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and error code, for short assertions.
    pub fn status_and_code(&self) -> (u16, String) {
        (self.status, self.code())
    }
}
