//! What comes in: where the head of each request begins and ends, and what of it matters here.

use std::collections::VecDeque;

use memchr::memmem;

pub(super) const REQUEST_ID: &[u8] = b"x-request-id";
pub(super) const CORRELATION_ID: &[u8] = b"x-correlation-id";

/// The longest head that is looked into. The HTTP library refuses heads of twice this size.
const LONGEST_HEAD: usize = 64 * 1024;
/// As many as the HTTP library takes.
const MOST_HEADERS: usize = 96;

/// How many bytes of a body are passed on before others have their turn. The library keeps a buffer for whatever came at a
/// time; and chunks, of which no more are passed on together, may be of one byte each, which takes a thousand times as long
/// as a body that says its length.
pub(super) const PORTION: usize = 4096;

/// 408 Request Timeout (RFC 9110 §15.5.9).
pub(super) const TIMEOUT: u16 = 408;
/// 414 URI Too Long (RFC 9110 §15.5.15).
const URI_TOO_LONG: u16 = 414;
/// 431 Request Header Fields Too Large (RFC 6585 §5).
const HEAD_TOO_LARGE: u16 = 431;

/// How a request spells the two header names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) request_id: Option<Vec<u8>>,
    pub(super) correlation_id: Option<Vec<u8>>,
}

/// Where the reader stands.
#[derive(Debug, PartialEq, Eq)]
enum At {
    /// In the head of a request: its bytes so far.
    Head(Vec<u8>),
    /// In a body, with so many bytes to come.
    Body { left: u64, closes: bool },
    /// In a body whose end only its chunks tell. It is over when its request is answered.
    Chunks { closes: bool },
    /// Behind a request that closes the connection.
    Closed,
    /// Behind something that is no HTTP: the library will say so. Or behind an upgrade, where HTTP ends.
    Lost,
}

/// The reader.
#[derive(Debug)]
pub(super) struct Inbound {
    at: At,
    /// Whether no head has come yet.
    is_new: bool,
    /// The status that a refusal by the library is to have instead of its own.
    refusal: Option<u16>,
}

impl Default for Inbound {
    fn default() -> Self {
        Self { at: At::Head(Vec::new()), is_new: true, refusal: None }
    }
}

impl Inbound {
    /// Looks at bytes that came in and returns how many of them are to be passed on now. What follows a request that was not
    /// answered yet is not ([`Inbound::is_closed`] tells whether it ever will be): the library would take apart all that it
    /// is given, at seven kilobytes for a head of forty bytes. Chunks are passed on in portions.
    pub(super) fn take(&mut self, bytes: &mut [u8], spellings: &mut VecDeque<Names>) -> usize {
        let mut start = 0;
        while let Some(rest) = bytes.get_mut(start..).filter(|rest| !rest.is_empty()) {
            match &mut self.at {
                At::Head(head) if head.is_empty() && !spellings.is_empty() => return start,
                At::Head(head) => {
                    let end = end_of_head(head, rest);
                    let length = end.unwrap_or(rest.len());
                    if head.len() + length > LONGEST_HEAD {
                        let is_line = !head.contains(&b'\n') && !rest.contains(&b'\n');
                        // No header name holds a NUL, nor does a request line: the library refuses the
                        // request at once, where it would choke on a name that is too long.
                        rest.fill(0);
                        self.give_up(if is_line { URI_TOO_LONG } else { HEAD_TOO_LARGE });
                        continue;
                    }
                    head.extend_from_slice(rest.get(..length).unwrap_or_default());
                    start += length;
                    if end.is_some() {
                        self.is_new = false;
                        let (next, names) = understand(head);
                        spellings.push_back(names);
                        match next {
                            Ok(next) => self.at = next,
                            Err(refusal) => self.give_up(refusal),
                        }
                    }
                }
                At::Body { left, closes } => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= u64::try_from(taken).unwrap_or(*left);
                    start += taken;
                    if *left == 0 {
                        self.at = if *closes { At::Closed } else { At::Head(Vec::new()) };
                    }
                }
                At::Chunks { .. } => return bytes.len().min(start + PORTION),
                At::Lost => return bytes.len(),
                At::Closed => return start,
            }
        }
        bytes.len()
    }

    /// Whether there is more to come of a body.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(self.at, At::Body { .. } | At::Chunks { .. })
    }

    /// Whether whatever comes is thrown away.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.at, At::Closed)
    }

    /// A request was answered: what comes behind a body of chunks is the next head.
    pub(super) fn answered(&mut self) {
        if let At::Chunks { closes } = self.at {
            // The library reads the rest of a refused body before it closes, so that must go on.
            self.at = if closes { At::Lost } else { At::Head(Vec::new()) };
        }
    }

    /// The connection was upgraded: what comes from now on is no HTTP.
    pub(super) fn upgraded(&mut self) {
        self.at = At::Lost;
    }

    /// Whether a head has begun and not ended, or the first one is to come.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(&self.at, At::Head(head) if self.is_new || !head.is_empty())
    }

    /// Looks no further: the library is about to refuse what came, and the refusal is to have this status.
    pub(super) fn give_up(&mut self, refusal: u16) {
        self.at = At::Lost;
        self.refusal = Some(refusal);
    }

    /// The status for a refusal by the library, if it is not the library's own.
    pub(super) fn refusal(&self) -> Option<u16> {
        self.refusal
    }
}

/// How many of the fresh bytes belong to the head, if it ends in them.
fn end_of_head(head: &[u8], fresh: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    let overlap = head.len().min(END.len() - 1);
    let seam = [head.get(head.len() - overlap..)?, fresh.get(..fresh.len().min(END.len() - 1))?].concat();
    let in_seam = memmem::find(&seam, END).map(|at| at + END.len() - overlap);
    in_seam.or_else(|| memmem::find(fresh, END).map(|at| at + END.len()))
}

/// What a whole head says: what follows it, or how it is to be refused; and how it spells the names.
fn understand(head: &[u8]) -> (Result<At, u16>, Names) {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let mut names = Names::default();
    // A head may have empty lines before it (RFC 9112 §2.2); httparse skips them.
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return (Err(HEAD_TOO_LARGE), names),
        Ok(httparse::Status::Partial) | Err(_) => return (Ok(At::Lost), names),
    }
    let (mut length, mut is_chunked, mut closes) = (Some(0), false, request.version == Some(0));
    for header in request.headers.iter() {
        let (name, value) = (header.name.as_bytes(), header.value.trim_ascii());
        if name.eq_ignore_ascii_case(REQUEST_ID) {
            names.request_id = Some(name.to_vec());
        } else if name.eq_ignore_ascii_case(CORRELATION_ID) {
            names.correlation_id = Some(name.to_vec());
        } else if name.eq_ignore_ascii_case(b"connection") {
            let has = |wanted: &[u8]| {
                value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(wanted))
            };
            closes = has(b"close") || (closes && !has(b"keep-alive"));
        } else if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            is_chunked = true;
        }
    }
    let next = match length {
        _ if is_chunked => At::Chunks { closes },
        Some(0) if closes => At::Closed,
        Some(0) => At::Head(Vec::new()),
        Some(left) => At::Body { left, closes },
        None => At::Lost,
    };
    (Ok(next), names)
}

#[cfg(test)]
mod tests {
    use super::{Inbound, Names};
    use std::collections::VecDeque;

    fn after(packets: &[&str]) -> (VecDeque<Names>, String) {
        let (mut inbound, mut spellings, mut passed) = (Inbound::default(), VecDeque::new(), String::new());
        for packet in packets {
            let mut bytes = packet.as_bytes().to_vec();
            let kept = inbound.take(&mut bytes, &mut spellings);
            passed.push_str(std::str::from_utf8(&bytes[..kept]).unwrap());
        }
        (spellings, passed)
    }

    fn spelling(names: &Names) -> &str {
        std::str::from_utf8(names.request_id.as_deref().unwrap_or_default()).unwrap()
    }

    #[test]
    fn a_name_may_lie_across_packets() {
        let text = "GET / HTTP/1.1\r\nHost: x\r\nX-ReQuEsT-Id: 1\r\n\r\n";
        for cut in 0..text.len() {
            let (spellings, passed) = after(&[&text[..cut], &text[cut..]]);
            assert_eq!(spelling(&spellings[0]), "X-ReQuEsT-Id", "cut at {cut}");
            assert_eq!(passed, text);
        }
    }

    #[test]
    fn a_body_is_no_head() {
        let head = "POST / HTTP/1.1\r\nX-Request-ID: 1\r\nContent-Length: 20\r\n\r\n";
        let (mut inbound, mut spellings) = (Inbound::default(), VecDeque::new());
        let next = "GET / HTTP/1.1\r\nx-request-id: 2\r\n\r\n";
        let mut bytes = format!("{head}\r\nx-REQUEST-id: 1\r\n\r\n{next}").into_bytes();
        let kept = inbound.take(&mut bytes, &mut spellings);
        assert_eq!(kept, head.len() + 20);
        let mut all = vec![spelling(&spellings.pop_front().unwrap()).to_owned()];
        inbound.take(&mut bytes[kept..], &mut spellings);
        all.extend(spellings.iter().map(|names| spelling(names).to_owned()));
        assert_eq!(all, ["X-Request-ID", "x-request-id"]);
    }

    #[test]
    fn the_second_of_two_requests_waits_until_the_first_is_answered() {
        let one = "GET / HTTP/1.1\r\nX-Request-ID: 1\r\n\r\n";
        let two = "GET / HTTP/1.1\r\nX-REQUEST-ID: 1\r\n\r\n";
        let (mut inbound, mut spellings) = (Inbound::default(), VecDeque::new());
        let mut both = format!("{one}{two}").into_bytes();
        assert_eq!(inbound.take(&mut both, &mut spellings), one.len());
        assert_eq!(spelling(&spellings.pop_front().unwrap()), "X-Request-ID");
        assert_eq!(inbound.take(&mut both[one.len()..], &mut spellings), two.len());
        assert_eq!(spelling(&spellings.pop_front().unwrap()), "X-REQUEST-ID");
    }

    #[test]
    fn nothing_is_passed_on_behind_a_close() {
        let last = "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        let (_, passed) = after(&[&format!("{last}GET / HTTP/1.1\r\n\r\n"), "more"]);
        assert_eq!(passed, last);
    }

    #[test]
    fn a_head_without_end_is_made_unreadable_and_says_what_is_too_long() {
        let line = "GET / HTTP/1.1\r\n";
        for (start, status) in [("", 414), (line, 431)] {
            let (mut inbound, mut spellings) = (Inbound::default(), VecDeque::new());
            let mut bytes = format!("{start}{}", "x".repeat(60_000)).into_bytes();
            assert_eq!(inbound.take(&mut bytes, &mut spellings), bytes.len());
            assert!(inbound.is_waiting() && inbound.refusal().is_none());
            let mut bytes = vec![b'y'; 60_000];
            inbound.take(&mut bytes, &mut spellings);
            assert!(bytes.contains(&0) && !inbound.is_waiting());
            assert_eq!(inbound.refusal(), Some(status));
        }
    }

    #[test]
    fn headers_without_number_are_too_many() {
        let (mut inbound, mut spellings) = (Inbound::default(), VecDeque::new());
        let head = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(97));
        inbound.take(&mut head.into_bytes(), &mut spellings);
        assert_eq!(inbound.refusal(), Some(431));
    }

    #[test]
    fn what_follows_an_upgrade_is_passed_on_as_it_is() {
        let (mut inbound, mut spellings) = (Inbound::default(), VecDeque::new());
        inbound.take(&mut b"GET / HTTP/1.1\r\n\r\n".to_vec(), &mut spellings);
        inbound.upgraded();
        for _ in 0..100 {
            let mut frame = vec![0x81; 4000];
            assert_eq!(inbound.take(&mut frame, &mut spellings), 4000);
            assert!(frame.iter().all(|byte| *byte == 0x81));
        }
    }
}
