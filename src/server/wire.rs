//! The bytes of a connection, where two promises of the contract can only be kept.
//!
//! 1. **Letter case** (§1.3): `X-Request-ID` and `X-Correlation-ID` come back with the letter case in
//!    which the caller wrote them. The HTTP library knows header names in lower case only, so the names
//!    are noted as they are read and restored, length for length, as the answer is written.
//! 2. **Every refusal is an OperationOutcome.** A request that is not HTTP, or does not arrive in time,
//!    is answered by the library itself, without a body. Here it gets one.
//!
//! HTTP/1.1 only; on one connection the last spelling that was read counts.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use memchr::{memchr, memmem};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::vrs;

const REQUEST_ID: &[u8] = b"x-request-id";
const CORRELATION_ID: &[u8] = b"x-correlation-id";
const LONGEST: usize = CORRELATION_ID.len();

/// A connection that remembers how its caller spells the two headers.
pub(super) struct Wire {
    io: TcpStream,
    names: Names,
    /// What is to be written before anything else, and how much of it is.
    pending: Vec<u8>,
    written: usize,
}

/// Finds the two header names in the bytes that come in, across packets.
#[derive(Default)]
struct Names {
    request_id: Option<[u8; REQUEST_ID.len()]>,
    correlation_id: Option<[u8; CORRELATION_ID.len()]>,
    /// The beginning of the present line, while it can still be one of the names.
    line: Vec<u8>,
    is_past_name: bool,
}

impl Names {
    fn note(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.is_past_name {
                let Some(end) = memchr(b'\n', bytes) else { return };
                bytes = bytes.get(end + 1..).unwrap_or_default();
                self.is_past_name = false;
                self.line.clear();
            }
            let Some((first, rest)) = bytes.split_first() else { return };
            bytes = rest;
            match first {
                b':' => {
                    self.keep();
                    self.is_past_name = true;
                }
                b'\n' => self.line.clear(),
                _ if self.line.len() == LONGEST => self.is_past_name = true,
                letter => self.line.push(*letter),
            }
        }
    }

    fn keep(&mut self) {
        if self.line.eq_ignore_ascii_case(REQUEST_ID) {
            self.request_id = self.line.as_slice().try_into().ok();
        } else if self.line.eq_ignore_ascii_case(CORRELATION_ID) {
            self.correlation_id = self.line.as_slice().try_into().ok();
        }
    }

    /// Restores the names in the head of an answer.
    fn restore(&self, head: &mut [u8]) {
        let request_id = self.request_id.as_ref().map(|name| (REQUEST_ID, name.as_slice()));
        let correlation_id = self.correlation_id.as_ref().map(|name| (CORRELATION_ID, name.as_slice()));
        for (plain, spelt) in request_id.into_iter().chain(correlation_id) {
            let header = [b"\r\n", plain, b": "].concat();
            let name = memmem::find(head, &header).map(|at| at + 2..at + 2 + plain.len());
            if let Some(place) = name.and_then(|name| head.get_mut(name)) {
                place.copy_from_slice(spelt);
            }
        }
    }
}

/// The bytes to write instead of `answer`, if it has to change.
fn rewrite(names: &Names, answer: &[u8]) -> Option<Vec<u8>> {
    if !answer.starts_with(b"HTTP/1.") {
        return None;
    }
    let end_of_head = memmem::find(answer, b"\r\n\r\n")? + 2;
    let (head, rest) = answer.split_at_checked(end_of_head)?;
    let mut head = head.to_vec();
    names.restore(&mut head);
    match is_bare_refusal(&head) {
        Some(status) => {
            let body = vrs::outcome_of_bad_http(status);
            let length = memmem::find(&head, b"content-length: 0\r\n")?;
            head.drain(length..length + b"content-length: 0\r\n".len());
            head.extend_from_slice(b"content-type: application/fhir+json\r\n");
            head.extend_from_slice(format!("content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
        }
        None => head.extend_from_slice(rest),
    }
    Some(head)
}

/// The status of a refusal that has no body; the answers of our own handlers all have one.
fn is_bare_refusal(head: &[u8]) -> Option<u16> {
    let status = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    let is_refusal = (400..500).contains(&status);
    (is_refusal && memmem::find(head, b"content-length: 0\r\n").is_some()).then_some(status)
}

impl Wire {
    pub(super) fn new(io: TcpStream) -> Self {
        Self { io, names: Names::default(), pending: Vec::new(), written: 0 }
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.written..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.pending.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, buffer);
        self.names.note(buffer.filled().get(before..).unwrap_or_default());
        result
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        match rewrite(&self.names, bytes) {
            None => Pin::new(&mut self.io).poll_write(cx, bytes),
            Some(answer) => {
                // Taken over whole: what the socket does not accept now is written first next time.
                self.pending = answer;
                if let Poll::Ready(Err(error)) = self.poll_pending(cx) {
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, rewrite};

    fn after(packets: &[&str]) -> Names {
        let mut names = Names::default();
        for packet in packets {
            names.note(packet.as_bytes());
        }
        names
    }

    const ANSWER: &str = "HTTP/1.1 200 OK\r\nx-request-id: 1\r\nx-correlation-id: 2\r\n\r\nbody";

    #[test]
    fn names_come_back_as_they_were_written() {
        let names = after(&["GET / HTTP/1.1\r\nX-REQUEST-id: 1\r\nX-Correlation-ID: 2\r\n\r\n"]);
        let answer = String::from_utf8(rewrite(&names, ANSWER.as_bytes()).unwrap()).unwrap();
        assert_eq!(answer, "HTTP/1.1 200 OK\r\nX-REQUEST-id: 1\r\nX-Correlation-ID: 2\r\n\r\nbody");
    }

    #[test]
    fn a_name_may_lie_across_packets() {
        let text = "GET / HTTP/1.1\r\nHost: x\r\nX-ReQuEsT-Id: 1\r\n\r\n";
        for cut in 0..text.len() {
            let names = after(&[&text[..cut], &text[cut..]]);
            assert_eq!(names.request_id.as_ref().unwrap(), b"X-ReQuEsT-Id", "cut at {cut}");
        }
    }

    #[test]
    fn names_within_values_and_longer_names_do_not_count() {
        let names = after(&["GET / HTTP/1.1\r\nA: X-Request-ID: 1\r\nMy-X-Request-ID: 2\r\n\r\n"]);
        assert!(names.request_id.is_none());
    }

    #[test]
    fn a_refusal_without_a_body_gets_one() {
        let bare = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let answer = String::from_utf8(rewrite(&Names::default(), bare.as_bytes()).unwrap()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert_eq!(head.matches("content-length").count(), 1);
        assert!(body.contains("OperationOutcome"));
    }

    #[test]
    fn what_is_not_the_beginning_of_an_answer_is_left_alone() {
        assert!(rewrite(&Names::default(), b"more of a body").is_none());
    }
}
