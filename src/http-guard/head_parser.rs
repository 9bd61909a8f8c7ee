//! Incoming bytes: finds the boundaries of each request, and notes the spelling of header names.

use std::collections::VecDeque;

use crate::chunks::Chunks;
use crate::head::{
    BAD_REQUEST, Framing, HEAD_TOO_LARGE, HeaderSpelling, RequestHead, end_of_head, has_strict_lines,
};

/// The longest head that is parsed. The HTTP library refuses heads of twice this size.
const LONGEST_HEAD: usize = 64 * 1024;

/// How many bytes of a body are passed on before the task yields. The library keeps a buffer for each read;
/// and chunks, of which no more are passed on together, may be of one byte each, which takes a thousand times
/// as long as a body with a declared length.
pub(crate) const PORTION: usize = 4096;

/// 408 Request Timeout (RFC 9110 §15.5.9).
const TIMEOUT: u16 = 408;
/// 414 URI Too Long (RFC 9110 §15.5.15).
const URI_TOO_LONG: u16 = 414;

/// Bytes that the library refuses everywhere except in the data of a body: neither a head nor a chunk size
/// may contain NUL; and in a trailer section, of which the library reads only the line ends, the CR is not
/// followed by LF.
pub(crate) const POISON: &[u8] = b"\0\r\0";

/// The state of the reader.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// In the head of a request: its bytes so far.
    Head(Vec<u8>),
    /// In a body, with so many bytes left.
    Body { left: u64, closes: bool },
    /// In a chunked body.
    Chunks {
        chunks: Chunks,
        closes: bool,
        /// How much more of it is passed on, once its request was answered before it ended.
        rest: Option<usize>,
    },
    /// After a request for another protocol that is not answered yet.
    Upgrade,
    /// After an accepted upgrade: no longer HTTP.
    Upgraded,
    /// After a request that closes the connection.
    Closed,
    /// In a body that continues for too long after its request was answered: the connection is dropped.
    Dropped,
    /// After a refusal: the library gets so many bytes of [`POISON`] and nothing else.
    Refused { sent: usize },
}

impl State {
    /// After a request.
    const fn behind(closes: bool) -> Self {
        if closes { Self::Closed } else { Self::Head(Vec::new()) }
    }

    fn behind_head(head: &RequestHead) -> Self {
        let closes = head.closes;
        match head.framing {
            Framing::Nothing => Self::behind(closes),
            Framing::Length(left) => Self::Body { left, closes },
            Framing::Chunks => Self::Chunks { chunks: Chunks::START, closes, rest: None },
            Framing::Upgrade => Self::Upgrade,
        }
    }
}

/// The reader of a connection.
#[derive(Debug)]
pub(crate) struct RequestHeadParser {
    state: State,
    /// Whether no head was received yet.
    is_new: bool,
    /// The status that replaces the library's in a refusal.
    refusal: Option<u16>,
    /// Whether a body was refused: the library then closes without a response.
    is_body_refused: bool,
}

impl Default for RequestHeadParser {
    fn default() -> Self {
        Self { state: State::Head(Vec::new()), is_new: true, refusal: None, is_body_refused: false }
    }
}

impl RequestHeadParser {
    /// Parses received bytes, and returns how many of them to pass on now. Bytes after a request that is not
    /// answered yet are held back ([`RequestHeadParser::is_closed`] says whether they are ever needed): the library
    /// would parse everything that it gets, at seven kilobytes of memory for a head of forty bytes. Chunks
    /// are passed on in portions. After refused bytes nothing is passed on ([`RequestHeadParser::poison`]).
    pub(crate) fn take(&mut self, bytes: &[u8], spellings: &mut VecDeque<HeaderSpelling>) -> usize {
        let mut start = 0;
        while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
            match &mut self.state {
                State::Head(head) if head.is_empty() && !spellings.is_empty() => return start,
                State::Head(head) => {
                    let end = end_of_head(head, rest);
                    let fresh = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                    if let Some(refusal) = fault_of(head, fresh) {
                        self.refuse(refusal);
                        return start;
                    }
                    head.extend_from_slice(fresh);
                    let length = fresh.len();
                    if end.is_some() {
                        self.is_new = false;
                        match RequestHead::parse(head) {
                            Ok(head) => {
                                self.state = State::behind_head(&head);
                                spellings.push_back(head.names);
                            }
                            Err(refusal) => {
                                self.refuse(refusal);
                                return start;
                            }
                        }
                    }
                    start += length;
                }
                State::Body { left, closes } => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= u64::try_from(taken).unwrap_or(*left);
                    start += taken;
                    if *left == 0 {
                        self.state = State::behind(*closes);
                    }
                }
                State::Chunks { chunks, closes, rest: left } => {
                    let portion = rest.get(..PORTION).unwrap_or(rest);
                    let (taken, outcome) = chunks.take(portion);
                    start += taken;
                    let is_too_long = left.is_some_and(|left| left < taken);
                    *left = left.map(|left| left.saturating_sub(taken));
                    if is_too_long {
                        self.state = State::Dropped;
                    } else if outcome.is_err() {
                        self.refuse(BAD_REQUEST);
                        self.is_body_refused = true;
                    } else if *chunks == Chunks::End {
                        self.state = State::behind(*closes);
                    } else {
                        return start;
                    }
                }
                State::Upgraded => return bytes.len(),
                State::Upgrade | State::Closed | State::Dropped | State::Refused { .. } => return start,
            }
        }
        bytes.len()
    }

    /// Whether a body is incomplete.
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self.state, State::Body { .. } | State::Chunks { .. })
    }

    /// Whether further bytes are discarded.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed | State::Dropped | State::Refused { .. })
    }

    /// Whether the bytes are refused.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused { .. })
    }

    /// Whether the next byte is the first of a head.
    pub(crate) fn is_between_requests(&self) -> bool {
        matches!(&self.state, State::Head(head) if head.is_empty())
    }

    /// Notes that a request was answered. If its body is incomplete, the library reads it to its end. After a
    /// request for an upgrade that was not accepted, the library reads no further request.
    pub(crate) fn answered(&mut self) {
        match &mut self.state {
            State::Upgrade => self.state = State::Closed,
            // Limited to the size of a head: a client that never ends its body would keep the connection open
            // for ever.
            State::Chunks { closes: false, rest, .. } => *rest = Some(LONGEST_HEAD),
            State::Head(_)
            | State::Body { .. }
            | State::Chunks { .. }
            | State::Upgraded
            | State::Closed
            | State::Dropped
            | State::Refused { .. } => {}
        }
    }

    /// Whether the connection is to be dropped.
    pub(crate) fn is_dropped(&self) -> bool {
        self.state == State::Dropped
    }

    /// The connection was upgraded: further bytes are not HTTP.
    pub(crate) fn upgraded(&mut self) {
        self.state = State::Upgraded;
    }

    /// Whether a deadline runs: a head has begun and not ended, or the first head is awaited, or the rest of
    /// a body whose request was answered.
    pub(crate) fn is_waiting(&self) -> bool {
        match &self.state {
            State::Head(head) => self.is_new || !head.is_empty(),
            State::Chunks { rest, .. } => rest.is_some(),
            State::Body { .. }
            | State::Upgrade
            | State::Upgraded
            | State::Closed
            | State::Dropped
            | State::Refused { .. } => false,
        }
    }

    /// The deadline has passed.
    pub(crate) fn give_up(&mut self) {
        if matches!(self.state, State::Chunks { .. }) {
            self.state = State::Dropped;
        } else {
            self.refuse(TIMEOUT);
        }
    }

    /// Stops parsing: the library is to refuse the request, and the refusal is to have this status.
    pub(crate) fn refuse(&mut self, refusal: u16) {
        self.state = State::Refused { sent: 0 };
        self.refusal = Some(refusal);
    }

    /// Whether a body was just refused, and the guard must answer its request.
    pub(crate) fn take_refused_body(&mut self) -> bool {
        std::mem::take(&mut self.is_body_refused)
    }

    /// The bytes that the library gets now instead of the received ones: at most so many.
    pub(crate) fn poison(&mut self, most: usize) -> &'static [u8] {
        let State::Refused { sent } = &mut self.state else { return &[] };
        let rest = POISON.get(*sent..).unwrap_or_default();
        let poison = rest.get(..most).unwrap_or(rest);
        *sent += poison.len();
        poison
    }

    /// The status for a refusal by the library, if it differs from the library's.
    pub(crate) fn refusal(&self) -> Option<u16> {
        self.refusal
    }
}

/// The status with which a head is refused because of its new bytes.
fn fault_of(head: &[u8], fresh: &[u8]) -> Option<u16> {
    if head.len() + fresh.len() > LONGEST_HEAD {
        let is_line = !head.contains(&b'\n') && !fresh.contains(&b'\n');
        return Some(if is_line { URI_TOO_LONG } else { HEAD_TOO_LARGE });
    }
    (!has_strict_lines(head.last().copied(), fresh)).then_some(BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::{HeaderSpelling, POISON, RequestHeadParser};
    use std::collections::VecDeque;

    fn after(packets: &[&str]) -> (VecDeque<HeaderSpelling>, String) {
        let (mut parser, mut spellings, mut passed) =
            (RequestHeadParser::default(), VecDeque::new(), String::new());
        for packet in packets {
            let kept = parser.take(packet.as_bytes(), &mut spellings);
            passed.push_str(&packet[..kept]);
        }
        (spellings, passed)
    }

    fn spelling(names: &HeaderSpelling) -> &str {
        std::str::from_utf8(names.request_id.as_deref().unwrap_or_default()).unwrap()
    }

    #[test]
    fn header_name_may_span_packets() {
        let text = "GET / HTTP/1.1\r\nHost: x\r\nX-ReQuEsT-Id: 1\r\n\r\n";
        for cut in 0..text.len() {
            let (spellings, passed) = after(&[&text[..cut], &text[cut..]]);
            assert_eq!(spelling(&spellings[0]), "X-ReQuEsT-Id", "cut at {cut}");
            assert_eq!(passed, text);
        }
    }

    #[test]
    fn body_bytes_are_not_parsed_as_a_head() {
        let head = "POST / HTTP/1.1\r\nX-Request-ID: 1\r\nContent-Length: 21\r\n\r\n";
        let (mut parser, mut spellings) = (RequestHeadParser::default(), VecDeque::new());
        let next = "GET / HTTP/1.1\r\nx-request-id: 2\r\n\r\n";
        let bytes = format!("{head}\r\nx-REQUEST-id: 1\r\n\r\n{next}").into_bytes();
        let kept = parser.take(&bytes, &mut spellings);
        assert_eq!(kept, head.len() + 21);
        let mut all = vec![spelling(&spellings.pop_front().unwrap()).to_owned()];
        parser.take(&bytes[kept..], &mut spellings);
        all.extend(spellings.iter().map(|names| spelling(names).to_owned()));
        assert_eq!(all, ["X-Request-ID", "x-request-id"]);
    }

    #[test]
    fn pipelined_request_waits_for_the_previous_response() {
        let one = "GET / HTTP/1.1\r\nX-Request-ID: 1\r\n\r\n";
        let two = "GET / HTTP/1.1\r\nX-REQUEST-ID: 1\r\n\r\n";
        let (mut parser, mut spellings) = (RequestHeadParser::default(), VecDeque::new());
        let both = format!("{one}{two}").into_bytes();
        assert_eq!(parser.take(&both, &mut spellings), one.len());
        assert_eq!(spelling(&spellings.pop_front().unwrap()), "X-Request-ID");
        assert_eq!(parser.take(&both[one.len()..], &mut spellings), two.len());
        assert_eq!(spelling(&spellings.pop_front().unwrap()), "X-REQUEST-ID");
    }

    #[test]
    fn no_request_is_forwarded_after_connection_close() {
        let last = "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        let (_, passed) = after(&[&format!("{last}GET / HTTP/1.1\r\n\r\n"), "more"]);
        assert_eq!(passed, last);
    }

    #[test]
    fn endless_head_is_rejected_with_the_part_that_is_too_long() {
        let line = "GET / HTTP/1.1\r\n";
        for (start, status) in [("", 414), (line, 431)] {
            let (mut parser, mut spellings) = (RequestHeadParser::default(), VecDeque::new());
            let bytes = format!("{start}{}", "x".repeat(60_000)).into_bytes();
            assert_eq!(parser.take(&bytes, &mut spellings), bytes.len());
            assert!(parser.is_waiting() && parser.refusal().is_none());
            assert_eq!(parser.take(&vec![b'y'; 60_000], &mut spellings), 0);
            assert!(!parser.is_waiting() && parser.is_closed());
            assert_eq!(parser.refusal(), Some(status));
            assert_eq!([parser.poison(2), parser.poison(9), parser.poison(9)].concat(), POISON);
        }
    }

    #[test]
    fn too_many_headers_are_rejected() {
        let (mut parser, mut spellings) = (RequestHeadParser::default(), VecDeque::new());
        let head = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(97));
        parser.take(head.as_bytes(), &mut spellings);
        assert_eq!(parser.refusal(), Some(431));
    }

    #[test]
    fn chunked_body_after_its_response_is_dropped() {
        let (mut parser, mut spellings) = (RequestHeadParser::default(), VecDeque::new());
        let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(parser.take(head, &mut spellings), head.len());
        let chunks = "1\r\na\r\n".repeat(500).into_bytes();
        for _ in 0..100 {
            assert_eq!(parser.take(&chunks, &mut spellings), chunks.len());
        }
        parser.answered();
        spellings.clear();
        let passed: usize = (0..100).map(|_| parser.take(&chunks, &mut spellings)).sum();
        assert!(parser.is_dropped() && (60_000..75_000).contains(&passed), "{passed}");
    }

    #[test]
    fn bytes_after_an_upgrade_are_forwarded_unchanged() {
        let (mut parser, mut spellings) = (RequestHeadParser::default(), VecDeque::new());
        parser.take(b"GET / HTTP/1.1\r\n\r\n", &mut spellings);
        parser.upgraded();
        for _ in 0..100 {
            assert_eq!(parser.take(&[0x81; 4000], &mut spellings), 4000);
        }
    }
}
