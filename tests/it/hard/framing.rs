//! Where a head and a message end: the guard of the wire and the HTTP library must see the same places, or the guard
//! refuses. Both read the same bytes here: a corpus of requests, each changed in one place, and then seeded combinations of
//! such changes.
//!
//! `ONBEHALF_HARD=full` has many more combinations, `ONBEHALF_FUZZ_SEED` others.

use std::cell::OnceCell;

use actix_codec::Decoder as _;
use actix_http::h1::{Codec, Message as Item, MessageType};
use actix_http::{KeepAlive, ServiceConfig};
use bytes::BytesMut;
use http_guard::boundary::{Boundaries, MessageBounds, REFUSED_BYTES, StreamEnd, boundaries};

use super::{measured, scale};

/// What the library makes of the bytes of a connection.
#[derive(Debug)]
struct Library {
    messages: Vec<MessageBounds>,
    /// Whether the last message is the beginning of another protocol.
    is_upgrade: bool,
    has_refused: bool,
}

fn library(bytes: &[u8]) -> Library {
    thread_local! {
        static SETTINGS: OnceCell<(actix_rt::SystemRunner, ServiceConfig)> = const { OnceCell::new() };
    }
    let settings = SETTINGS.with(|cell| {
        let made = || {
            let system = actix_rt::System::new();
            // The settings keep the date in a task of their own.
            let settings = system.block_on(async {
                ServiceConfig::new(KeepAlive::Os, <_>::default(), <_>::default(), false, None)
            });
            (system, settings)
        };
        cell.get_or_init(made).1.clone()
    });
    let (mut codec, mut buffer) = (Codec::new(settings), BytesMut::from(bytes));
    let mut read = Library { messages: Vec::new(), is_upgrade: false, has_refused: false };
    loop {
        let item = codec.decode(&mut buffer);
        let at = bytes.len() - buffer.len();
        match item {
            Ok(Some(Item::Item(_))) => {
                let has_none = matches!(codec.message_type(), MessageType::None);
                read.messages.push(MessageBounds { head: at, end: has_none.then_some(at) });
                read.is_upgrade = matches!(codec.message_type(), MessageType::Stream);
            }
            Ok(Some(Item::Chunk(Some(_)))) => {}
            Ok(Some(Item::Chunk(None))) => read.messages.last_mut().expect("a message").end = Some(at),
            Ok(None) => return read,
            Err(_refused) => {
                read.has_refused = true;
                return read;
            }
        }
    }
}

/// Why the two disagree about these bytes, if they do.
fn disagreement(bytes: &[u8], guard: &Boundaries, library: &Library) -> Option<&'static str> {
    let is_over = guard.ending != StreamEnd::Open;
    for (at, seen) in library.messages.iter().enumerate() {
        let Some(held) = guard.messages.get(at) else {
            return (!is_over).then_some("the library sees a head that the guard does not see");
        };
        let is_last = at + 1 == guard.messages.len();
        if held.head != seen.head {
            return Some("the heads end at different places");
        }
        if held.end != seen.end {
            let is_refused =
                is_last && held.end.is_none() && matches!(guard.ending, StreamEnd::Refused { .. });
            let is_upgrade = is_last && library.is_upgrade && guard.ending == StreamEnd::Closed;
            let is_refused_by_library = library.has_refused && seen.end.is_none();
            if !is_refused && !is_upgrade && !is_refused_by_library {
                return Some("the messages end at different places");
            }
        }
    }
    if guard.messages.len() > library.messages.len() && !library.has_refused {
        return Some("the guard sees a head that the library does not see");
    }
    let StreamEnd::Refused { at, .. } = guard.ending else { return None };
    let heard = self::library(&[&bytes[..at], REFUSED_BYTES].concat());
    let same = heard.messages.len() <= guard.messages.len();
    (!heard.has_refused || !same).then_some("the library does not refuse what the guard refuses")
}

/// Reads bytes both ways and says what came of it; panics where the two disagree.
pub(super) fn agreed(bytes: &[u8]) -> String {
    let (guard, library) = (boundaries(bytes), library(bytes));
    if let Some(why) = disagreement(bytes, &guard, &library) {
        panic!("{why}: {guard:?}, {library:?}: {}", bytes.escape_ascii());
    }
    let kind = match guard.ending {
        StreamEnd::Open => 0,
        StreamEnd::Closed => 1,
        StreamEnd::Refused { status, .. } => status,
    };
    format!("{} {kind} {} {}", guard.messages.len(), library.messages.len(), library.has_refused)
}

const GET: &str = "GET /FHIR/R4/Consent?patient=1 HTTP/1.1\r\nHost: x\r\nX-Request-ID: 1\r\n\r\n";
const CHUNKED: &str = "POST /FHIR/R4 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Requests that both accept.
fn corpus() -> Vec<String> {
    let post = |body: &str| {
        let length = body.len();
        format!("POST /FHIR/R4/Consent HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let close = GET.replace("Host: x", "Host: x\r\nConnection: close");
    let requests = vec![
        GET.to_owned(),
        close.clone(),
        post("{\r\n\r\n}\n\n"),
        post(""),
        format!("{CHUNKED}5\r\nhello\r\na;x=\"y z\"\r\n\r\n\r\n\n\n\n\n\n\n\r\n0\r\n\r\n"),
        format!("{CHUNKED}00\r\nX-Sum: 1\r\nY: z\r\n\r\n"),
        GET.replace("HTTP/1.1", "HTTP/1.0"),
        post("{}").replace("HTTP/1.1", "HTTP/1.0").replace("Host: x", "Connection: keep-alive"),
        GET.replace("Host: x", "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket"),
        GET.replace("GET /FHIR/R4/Consent?patient=1", "CONNECT x:1"),
        post("{}").replace("Host: x", "Host: x\r\nExpect: 100-continue"),
        format!("\r\n{GET}"),
    ];
    let behind = [GET, &close].map(|behind| requests.iter().map(move |one| format!("{one}{behind}")));
    requests.iter().cloned().chain(behind.into_iter().flatten()).collect()
}

/// Line ends that are none, or two.
const ENDS: [&str; 12] =
    ["\n", "\r", "\r\r\n", "\n\r", "\n\n", "\r\n\r\n", "\r\n ", "\r\n\t", "\0\r\n", "\u{b}\r\n", " \r\n", ""];

/// What a line is preceded by.
const LINES: [&str; 27] = [
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Content-Length : 5\r\n",
    "content-length:\t7\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: \u{b}5\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: CHUNKED\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
    "X: y\rContent-Length: 5\r\n",
    "X: y\n\nGET /ready HTTP/1.1\r\nHost: x\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Connection: close, keep-alive\r\n",
    "Upgrade: websocket\r\n",
    "0\r\n\r\n",
    "GET /\r\n\r\n",
    "ffffffffffffffff\r\n",
    "10000000000000005\r\n",
    "é: ü\r\n",
];

fn places(text: &str, wanted: &str) -> Vec<usize> {
    text.match_indices(wanted).map(|(at, _)| at).collect()
}

/// Every request that is one change away.
fn changed(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for at in places(text, "\r\n") {
        let (before, line) = (&text[..at], &text[at + 2..]);
        all.extend(ENDS.map(|end| format!("{before}{end}{line}")));
        all.extend(LINES.map(|more| format!("{before}\r\n{more}{line}")));
        // The line behind it doubled, and left out.
        if let Some(end) = line.find("\r\n") {
            let (first, rest) = line.split_at(end + 2);
            all.extend([format!("{before}\r\n{first}{first}{rest}"), format!("{before}\r\n{rest}")]);
        }
    }
    for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        all.push(text[..at].to_owned());
        all.extend(
            [" ", "\t", "\0", "\r", "\n", ";"].map(|more| format!("{}{more}{}", &text[..at], &text[at..])),
        );
    }
    all.extend([
        text.to_uppercase(),
        text.to_lowercase(),
        text.replace(": ", ":"),
        text.replace(": ", " : "),
    ]);
    all.extend([text.replace("\r\n", "\n"), text.replace(' ', "  "), text.replace("HTTP/1.1", "HTTP/0.9")]);
    all
}

/// SEC-6: the guard and the library must not see different ends of a head or of a message.
#[test]
fn guard_and_library_see_the_same_end_of_every_message() {
    let mut tried = 0;
    for request in corpus() {
        let unchanged = agreed(request.as_bytes());
        assert!(!unchanged.contains(" 400 "), "{request:?} is refused: {unchanged}");
        for changed in changed(&request) {
            agreed(changed.as_bytes());
            tried += 1;
        }
    }
    measured("framing, one change", format!("{tried} requests read alike or refused"));
}

#[test]
fn guard_and_library_see_the_same_ends_after_several_changes() {
    let seed = std::env::var("ONBEHALF_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    let (corpus, mut state, count) = (corpus(), seed, scale(60, 4000));
    let mut below = |end: usize| {
        // SplitMix64, as the fuzz targets have it.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((mixed ^ (mixed >> 27)) >> 8).expect("56 bits") % end.max(1)
    };
    let mut tried = 0;
    for _ in 0..count {
        let mut request = corpus[below(corpus.len())].clone();
        for _ in 0..=below(3) {
            let more = changed(&request);
            request.clone_from(&more[below(more.len())]);
            agreed(request.as_bytes());
            tried += 1;
        }
        let other = &corpus[below(corpus.len())];
        agreed(format!("{request}{other}").as_bytes());
        agreed(format!("{other}{request}").as_bytes());
    }
    measured("framing, several changes", format!("{tried} requests read alike or refused, seed {seed}"));
}
