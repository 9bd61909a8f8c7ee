//! One connection that is kept alive, for threads that send one request after the other.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::poll::PATIENCE;
use super::{Request, Response, record};

/// A connection.
pub struct Connection {
    stream: TcpStream,
    address: SocketAddr,
}

impl Connection {
    /// `None` where there is no listener.
    pub fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Self { stream, address })
    }

    /// Sends a request and waits for its answer; `None` when the connection breaks first.
    pub fn send(&mut self, request: &Request) -> Option<Response> {
        let bytes = request.to_bytes(self.address, "keep-alive");
        self.write(&bytes)?;
        let answer = self.read()?;
        record(&bytes, &answer);
        Some(answer)
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).ok()
    }

    /// Reads one answer.
    pub fn read(&mut self) -> Option<Response> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let count = self.stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
            bytes.extend_from_slice(chunk.get(..count)?);
            let Some(answer) = Response::parse(&bytes) else { continue };
            let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if answer.body.len() >= length {
                return Some(answer);
            }
        }
    }
}
