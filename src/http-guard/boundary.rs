//! Where the guard sees the messages of a connection: for the comparison with the HTTP library.

use std::collections::VecDeque;

use crate::inbound::{Inbound, POISON};

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The place behind its head.
    pub head: usize,
    /// The place behind its body, if all of it was received.
    pub end: Option<usize>,
}

/// What becomes of the bytes behind the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// More may come.
    Open,
    /// They are thrown away: the last message closes the connection.
    Closed,
    /// They are refused from this place on, with this status, and the connection is closed.
    Refused {
        /// How many bytes stand before it.
        at: usize,
        /// The status of the answer.
        status: u16,
    },
}

/// What the library hears instead of the bytes that are refused.
pub const REFUSED_BYTES: &[u8] = POISON;

/// The messages in the bytes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundaries {
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// How the bytes end.
    pub ending: Ending,
}

/// Reads the bytes of a connection as the guard does, with every request answered as soon as it was received whole, and
/// every upgrade refused.
pub fn boundaries(bytes: &[u8]) -> Boundaries {
    let (mut inbound, mut spellings) = (Inbound::default(), VecDeque::new());
    let mut messages: Vec<Message> = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        inbound.take(std::slice::from_ref(byte), &mut spellings);
        if let Some(status) = inbound.refusal() {
            return Boundaries { messages, ending: Ending::Refused { at, status } };
        }
        if spellings.pop_front().is_some() {
            messages.push(Message { head: at + 1, end: None });
            inbound.answered();
        }
        let is_over = inbound.is_between_requests() || inbound.is_closed();
        if let Some(last) = messages.last_mut().filter(|last| is_over && last.end.is_none()) {
            last.end = Some(at + 1);
        }
        if inbound.is_closed() {
            return Boundaries { messages, ending: Ending::Closed };
        }
    }
    Boundaries { messages, ending: Ending::Open }
}
