//! The message boundaries that the guard sees on a connection, for comparison with the HTTP library.

use std::collections::VecDeque;

use crate::head_parser::{POISON, RequestHeadParser};

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageBounds {
    /// The position after its head.
    pub head: usize,
    /// The position after its body, if all of it was received.
    pub end: Option<usize>,
}

/// How the bytes after the messages are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The connection stays open for more.
    Open,
    /// They are discarded: the last message closes the connection.
    Closed,
    /// They are refused from this position on, with this status, and the connection is closed.
    Refused {
        /// The number of bytes before it.
        at: usize,
        /// The status of the response.
        status: u16,
    },
}

/// The bytes that the library gets instead of those that are refused.
pub const REFUSED_BYTES: &[u8] = POISON;

/// The messages in the bytes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundaries {
    /// The messages, in order.
    pub messages: Vec<MessageBounds>,
    /// How the connection ends.
    pub ending: StreamEnd,
}

/// Reads the bytes of a connection as the guard does. Every request counts as answered as soon as it was
/// received whole, and every upgrade as refused.
pub fn boundaries(bytes: &[u8]) -> Boundaries {
    let (mut parser, mut spellings) = (RequestHeadParser::default(), VecDeque::new());
    let mut messages: Vec<MessageBounds> = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        parser.take(std::slice::from_ref(byte), &mut spellings);
        if let Some(status) = parser.refusal() {
            return Boundaries { messages, ending: StreamEnd::Refused { at, status } };
        }
        if spellings.pop_front().is_some() {
            messages.push(MessageBounds { head: at + 1, end: None });
            parser.answered();
        }
        let is_over = parser.is_between_requests() || parser.is_closed();
        if let Some(last) = messages.last_mut().filter(|last| is_over && last.end.is_none()) {
            last.end = Some(at + 1);
        }
        if parser.is_closed() {
            return Boundaries { messages, ending: StreamEnd::Closed };
        }
    }
    Boundaries { messages, ending: StreamEnd::Open }
}
