//! The head of a request (RFC 9112 §2, §3, §5): its end, and the framing of the body.
//!
//! The guard and the HTTP library must see the same end of every head and of every body. The library accepts
//! more forms than the standard requires (a bare LF as a line end, any number of empty lines before a
//! request). The guard accepts the strict form only, and refuses everything else before the library sees the
//! end of it.

use memchr::{memchr3_iter, memmem};

pub(crate) const REQUEST_ID: &[u8] = b"x-request-id";
pub(crate) const CORRELATION_ID: &[u8] = b"x-correlation-id";

/// As many as the HTTP library accepts.
pub(crate) const MOST_HEADERS: usize = 96;

/// 400 Bad Request (RFC 9110 §15.5.1).
pub(crate) const BAD_REQUEST: u16 = 400;
/// 431 Request Header Fields Too Large (RFC 6585 §5).
pub(crate) const HEAD_TOO_LARGE: u16 = 431;

/// The spelling of the two header names in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderSpelling {
    pub(crate) request_id: Option<Vec<u8>>,
    pub(crate) correlation_id: Option<Vec<u8>>,
}

/// What follows a head (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body.
    Nothing,
    /// A body of so many bytes.
    Length(u64),
    /// A chunked body.
    Chunks,
    /// Another protocol, if the server accepts the upgrade.
    Upgrade,
}

/// A complete head.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) names: HeaderSpelling,
    pub(crate) framing: Framing,
    /// Whether the connection closes after this request.
    pub(crate) closes: bool,
}

/// How many of the new bytes belong to the head, if it ends in them.
pub(crate) fn end_of_head(head: &[u8], fresh: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    let overlap = head.len().min(END.len() - 1);
    let seam = [head.get(head.len() - overlap..)?, fresh.get(..fresh.len().min(END.len() - 1))?].concat();
    let in_seam = memmem::find(&seam, END).map(|at| at + END.len() - overlap);
    in_seam.or_else(|| memmem::find(fresh, END).map(|at| at + END.len()))
}

/// Whether every line of these bytes ends in CRLF, no CR or LF is bare, and no byte is NUL. `last` is the
/// byte before them; a CR at their end is checked together with the byte that follows.
pub(crate) fn has_strict_lines(last: Option<u8>, fresh: &[u8]) -> bool {
    let before = |at: usize| if at == 0 { last } else { fresh.get(at - 1).copied() };
    let is_strict = |at: usize| match fresh.get(at) {
        Some(b'\n') => before(at) == Some(b'\r'),
        Some(b'\r') => fresh.get(at + 1).is_none_or(|next| *next == b'\n'),
        _ => false,
    };
    let follows = last != Some(b'\r') || fresh.first().is_none_or(|first| *first == b'\n');
    follows && memchr3_iter(b'\r', b'\n', 0, fresh).all(is_strict)
}

impl RequestHead {
    /// Parses a complete head; the error is the status of the refusal. One empty line may precede it (RFC
    /// 9112 §2.2).
    pub(crate) fn parse(head: &[u8]) -> Result<Self, u16> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(head) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(HEAD_TOO_LARGE),
            Ok(httparse::Status::Complete(_) | httparse::Status::Partial) | Err(_) => {
                return Err(BAD_REQUEST);
            }
        }
        let is_1_0 = request.version == Some(0);
        let mut fields = Fields::default();
        for header in request.headers.iter() {
            fields.take(header.name.as_bytes(), header.value.trim_ascii()).ok_or(BAD_REQUEST)?;
        }
        let is_connect = request.method == Some("CONNECT");
        let framing = fields.framing(is_1_0, is_connect).ok_or(BAD_REQUEST)?;
        let closes = match fields.persistence {
            Persistence::Unsaid => is_1_0,
            Persistence::KeepAlive => false,
            Persistence::Close => true,
        };
        Ok(Self { names: fields.names, framing, closes })
    }
}

/// The fields of a head that concern the connection and the body.
#[derive(Default)]
struct Fields {
    names: HeaderSpelling,
    length: Option<u64>,
    is_chunked: bool,
    is_web_socket: bool,
    persistence: Persistence,
}

/// The `Connection` fields: `close` anywhere overrides `keep-alive`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Persistence {
    #[default]
    Unsaid,
    KeepAlive,
    Close,
}

impl Fields {
    /// Reads one field; `None` where two readers could understand it differently.
    fn take(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        if name.eq_ignore_ascii_case(REQUEST_ID) {
            self.names.request_id = Some(name.to_vec());
        } else if name.eq_ignore_ascii_case(CORRELATION_ID) {
            self.names.correlation_id = Some(name.to_vec());
        } else if name.eq_ignore_ascii_case(b"connection") {
            for word in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                if word.eq_ignore_ascii_case(b"close") {
                    self.persistence = Persistence::Close;
                } else if word.eq_ignore_ascii_case(b"keep-alive") {
                    self.persistence = self.persistence.max(Persistence::KeepAlive);
                }
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(value).ok().filter(|_| is_number && self.length.is_none());
            self.length = Some(length?.parse().ok()?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.is_web_socket |= value.eq_ignore_ascii_case(b"websocket");
        }
        Some(())
    }

    /// What follows the head; `None` for a body with two lengths (RFC 9112 §6.1, §6.3), or with a body before
    /// an upgrade.
    fn framing(&self, is_1_0: bool, is_connect: bool) -> Option<Framing> {
        let length = self.length.filter(|length| *length > 0);
        let is_upgrade = self.is_web_socket || is_connect;
        match (self.is_chunked, self.length) {
            (true, Some(_)) => None,
            (true, None) if is_1_0 || is_upgrade => None,
            (true, None) => Some(Framing::Chunks),
            (false, _) if is_upgrade => length.is_none().then_some(Framing::Upgrade),
            (false, _) => Some(length.map_or(Framing::Nothing, Framing::Length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, RequestHead, has_strict_lines};

    #[test]
    fn only_crlf_ends_a_header_line() {
        let strict = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let loose: [&[u8]; 6] = [
            b"GET / HTTP/1.1\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\n\n",
            b"GET / HTTP/1.1\rHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n",
            b"\nGET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: \0\r\n\r\n",
        ];
        for (text, holds) in loose.into_iter().map(|text| (text, false)).chain([(strict.as_slice(), true)]) {
            for cut in 0..=text.len() {
                let (head, fresh) = text.split_at(cut);
                let strict = has_strict_lines(None, head) && has_strict_lines(head.last().copied(), fresh);
                assert_eq!(strict, holds, "{} cut at {cut}", text.escape_ascii());
            }
        }
    }

    fn framing(line: &str, fields: &str) -> Read {
        let head = format!("{line}\r\nHost: x\r\n{fields}\r\n");
        RequestHead::parse(head.as_bytes()).map(|head| (head.framing, head.closes))
    }

    /// What follows a head, and whether the connection closes; or the status of the refusal.
    type Read = Result<(Framing, bool), u16>;

    /// Fields, and what follows the head with HTTP/1.1.
    const TABLE: [(&str, Read); 25] = [
        ("", Ok((Framing::Nothing, false))),
        ("Content-Length: 0\r\n", Ok((Framing::Nothing, false))),
        ("Content-Length: 5\r\n", Ok((Framing::Length(5), false))),
        ("content-LENGTH:5  \r\n", Ok((Framing::Length(5), false))),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", Err(400)),
        ("Content-Length: 5, 5\r\n", Err(400)),
        ("Content-Length: +5\r\n", Err(400)),
        ("Content-Length: -5\r\n", Err(400)),
        ("Content-Length: 0x5\r\n", Err(400)),
        ("Content-Length: \r\n", Err(400)),
        ("Content-Length: 18446744073709551616\r\n", Err(400)),
        ("Content-Length : 5\r\n", Err(400)),
        ("Transfer-Encoding: chunked\r\n", Ok((Framing::Chunks, false))),
        ("Transfer-Encoding: Chunked\r\nConnection: close\r\n", Ok((Framing::Chunks, true))),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", Err(400)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(400)),
        ("Transfer-Encoding: gzip, chunked\r\n", Err(400)),
        ("Transfer-Encoding: identity\r\n", Err(400)),
        ("Transfer-Encoding: \u{b}chunked\r\n", Err(400)),
        ("X: y\r\n Transfer-Encoding: chunked\r\n", Err(400)),
        ("X: y\r\n\tz\r\n", Err(400)),
        ("Connection: close\r\nConnection: keep-alive\r\n", Ok((Framing::Nothing, true))),
        ("Connection: x, Close\r\n", Ok((Framing::Nothing, true))),
        ("Upgrade: websocket\r\nContent-Length: 5\r\n", Err(400)),
        ("Upgrade: WebSocket\r\n", Ok((Framing::Upgrade, false))),
    ];

    #[test]
    fn content_length_and_transfer_encoding_are_validated() {
        for (fields, expected) in TABLE {
            assert_eq!(framing("POST / HTTP/1.1", fields), expected, "{fields}");
        }
        let chunked = "Transfer-Encoding: chunked\r\n";
        assert_eq!(framing("POST / HTTP/1.0", chunked), Err(400));
        assert_eq!(framing("POST / HTTP/1.0", "Content-Length: 1\r\n"), Ok((Framing::Length(1), true)));
        assert_eq!(framing("GET / HTTP/1.0", "Connection: keep-alive\r\n"), Ok((Framing::Nothing, false)));
        assert_eq!(framing("CONNECT x:1 HTTP/1.1", ""), Ok((Framing::Upgrade, false)));
        for line in ["GET /", "GET / HTTP/2.0", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1"] {
            assert_eq!(framing(line, ""), Err(400), "{line}");
        }
        assert_eq!(framing("\r\nGET / HTTP/1.1", ""), Ok((Framing::Nothing, false)));
    }
}
