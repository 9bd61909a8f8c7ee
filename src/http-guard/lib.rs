//! A guard on the socket, in front of the HTTP library: deadlines, limits on heads and the letter case of
//! header names. Some promises can only be kept on the bytes of a connection:
//!
//! 1. **Letter case** (contract §1.3): `X-Request-ID` and `X-Correlation-ID` are echoed in the letter case of
//!    the request. The HTTP library knows header names in lower case only, so the guard notes the names as they
//!    are read, and restores them, length for length, as the response is written.
//! 2. **Every refusal is an OperationOutcome.** The library answers a message that is not HTTP, or is late,
//!    by itself and without a body. The guard adds one.
//! 3. **Nothing is read after `Connection: close`** (RFC 9112 §9.6), and an overlong header name is refused.
//! 4. **One reading of the bytes.** A head or a body whose end two readers could see in different places (a
//!    bare LF, two lengths, a loose chunk size) is refused with 400, and the connection is closed
//!    ([`boundaries`]).
//! 5. **One request at a time.** Bytes after a request wait until it is answered; a body is passed on in
//!    portions, and other tasks run in between.
//! 6. **Deadlines.** The library has a deadline for the first head of a connection only; the guard has one
//!    for every head, and closes the connection of a peer that reads nothing of its response for as long. Bytes
//!    that have arrived are read before the deadline counts: an overloaded server does not refuse what came in
//!    time.
//!
//! HTTP/1.1 only.

mod answer;
pub mod boundary;
mod chunks;
mod head;
mod head_parser;
mod socket;

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

pub use answer::RefusalBody;
pub use boundary::{Boundaries, MessageBounds, REFUSED_BYTES, StreamEnd, boundaries};
use head::{BAD_REQUEST, HeaderSpelling};
use head_parser::{PORTION, RequestHeadParser};
pub use socket::{Socket, acceptor, chain};
pub use tokio_rustls::TlsAcceptor;

/// A connection that keeps the caller's spelling of the two headers.
pub struct GuardedConnection {
    io: Socket,
    refusal_body: RefusalBody,
    parser: RequestHeadParser,
    /// The spelling in each request that was read and not yet answered.
    spellings: VecDeque<HeaderSpelling>,
    /// Bytes after a request that is not answered yet, or after a portion of chunks, and the task that waits
    /// for them.
    held: Vec<u8>,
    reader: Option<Waker>,
    /// Whether the task must yield.
    gives_way: bool,
    /// Bytes to write before anything else, and how many of them are written.
    pending: Vec<u8>,
    written: usize,
    /// The deadline of a head, and of a peer that reads nothing.
    wait: Duration,
    /// The timer of a head, and of the time before the first one.
    head: Option<Pin<Box<Sleep>>>,
    /// The timer of a peer that reads nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl GuardedConnection {
    /// Guards a connection. `wait` is the deadline of a head, and of a peer that reads nothing.
    pub fn new(io: Socket, wait: Duration, refusal_body: RefusalBody) -> Self {
        Self {
            io,
            refusal_body,
            parser: RequestHeadParser::default(),
            spellings: VecDeque::new(),
            held: Vec::new(),
            reader: None,
            gives_way: false,
            pending: Vec::new(),
            written: 0,
            wait,
            head: Some(Box::pin(sleep(wait))),
            stalled: None,
        }
    }

    /// Whether the current head is late.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.parser.is_waiting() {
            self.head = None;
            return false;
        }
        let head = self.head.get_or_insert_with(|| Box::pin(sleep(self.wait)));
        head.as_mut().poll(cx).is_ready()
    }

    /// The result of a write on the socket; an error when the peer has read nothing for too long.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stalled = None;
            return done;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.wait)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_io(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.bounded(cx, done)
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.written..).filter(|rest| !rest.is_empty()) {
            let done = Pin::new(&mut self.io).poll_write(cx, rest);
            let written = ready!(self.bounded(cx, done))?;
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

impl AsyncRead for GuardedConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = &mut *self;
        if mem::take(&mut connection.gives_way) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            if connection.parser.take_refused_body() && !connection.spellings.is_empty() {
                connection.spellings.clear();
                connection.pending.extend_from_slice(&answer::refusal(BAD_REQUEST, connection.refusal_body));
            }
            if connection.parser.is_refused() || connection.parser.is_dropped() {
                ready!(connection.poll_pending(cx))?;
            }
            if connection.parser.is_dropped() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            let poison = connection.parser.poison(buffer.remaining());
            if !poison.is_empty() {
                buffer.put_slice(poison);
                return Poll::Ready(Ok(()));
            }
            let (is_late, before) = (connection.is_late(cx), buffer.filled().len());
            if connection.held.is_empty() {
                let read = Pin::new(&mut connection.io).poll_read(cx, buffer);
                if read.is_pending() && is_late {
                    connection.parser.give_up();
                    continue;
                }
                ready!(read)?;
            } else if connection.spellings.is_empty() || connection.parser.is_in_body() {
                let length = connection.held.len().min(buffer.remaining());
                buffer.put_slice(connection.held.get(..length).unwrap_or_default());
                connection.held.drain(..length);
            } else {
                connection.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let fresh = buffer.filled().get(before..).unwrap_or_default();
            let length = fresh.len();
            let kept = connection.parser.take(fresh, &mut connection.spellings);
            let rest = fresh.get(kept..).filter(|_| !connection.parser.is_closed()).unwrap_or_default();
            connection.held.splice(..0, rest.iter().copied());
            connection.gives_way = kept >= PORTION && connection.parser.is_in_body();
            buffer.set_filled(before + kept);
            // Bytes after a close are discarded, and the next are awaited; an end of the stream is passed on.
            if kept > 0 || length == 0 {
                // The timer of a head starts with its first byte.
                let _late_next_time = connection.is_late(cx);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for GuardedConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        let connection = &mut *self;
        match answer::rewrite(
            bytes,
            &mut connection.spellings,
            &mut connection.parser,
            connection.refusal_body,
        ) {
            None => connection.poll_io(cx, bytes),
            Some(answer) => {
                // Kept as a whole: the next write begins with what the socket does not accept now.
                connection.pending = answer;
                // The time that a response took does not count for the next head.
                connection.head = None;
                if let Some(reader) = connection.reader.take_if(|_| connection.spellings.is_empty()) {
                    reader.wake();
                }
                if let Poll::Ready(Err(error)) = connection.poll_pending(cx) {
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        let done = Pin::new(&mut self.io).poll_flush(cx);
        self.bounded(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::head_parser::POISON;
    use super::{GuardedConnection, Socket};

    const WAIT: Duration = Duration::from_millis(100);

    async fn connected() -> (TcpStream, GuardedConnection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        (client, GuardedConnection::new(Socket::Plain(accepted), WAIT, |status| status.to_string()))
    }

    /// A body of one-byte chunks yields to other tasks.
    #[actix_rt::test]
    async fn guarded_connection_reads_in_bounded_portions() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let sent = format!("{head}{}0\r\n\r\n", "1\r\n \r\n".repeat(3000));
        let (mut client, mut connection) = connected().await;
        client.write_all(sent.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        while all.len() < sent.len() {
            let mut bytes = vec![0; 32_768];
            let count = connection.read(&mut bytes).await.unwrap();
            assert!((1..=head.len() + 4096).contains(&count), "{count}");
            all.extend_from_slice(&bytes[..count]);
        }
        assert_eq!(all, sent.as_bytes());
    }

    /// The bytes arrived in time, but the server read them later than the deadline.
    #[actix_rt::test]
    async fn bytes_received_in_time_are_read_before_the_timeout() {
        let head = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let (mut client, mut connection) = connected().await;
        client.write_all(head).await.unwrap();
        tokio::time::sleep(WAIT * 2).await;
        let mut bytes = [0; 100];
        assert_eq!(connection.read(&mut bytes).await.unwrap(), head.len());
        assert!(!connection.parser.is_waiting());
    }

    #[actix_rt::test]
    async fn missing_request_head_times_out() {
        for begun in [&b""[..], b"GET / HT"] {
            let (mut client, mut connection) = connected().await;
            client.write_all(begun).await.unwrap();
            let mut bytes = Vec::new();
            while !bytes.ends_with(POISON) {
                let read = tokio::time::timeout(WAIT * 100, connection.read_buf(&mut bytes)).await;
                assert!(read.unwrap().unwrap() > 0);
            }
            assert_eq!(bytes, [begun, POISON].concat());
            assert_eq!(connection.parser.refusal(), Some(408));
        }
    }
}
