//! Reads a request's body, within the limits on size and time. Each front has words of its own for what
//! can go wrong.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use base::cpu_pool::CpuPool;
use config::Limits;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It is larger than `limits.body_bytes`, or comes in too many chunks for its size.
    #[error("the body is too large")]
    TooLarge,
    /// It is encoded (`Content-Encoding`), which no body may be (RFC 9110, section 8.4).
    #[error("the body is encoded")]
    Encoded,
    /// The connection broke off.
    #[error("the body is incomplete")]
    Incomplete,
    /// It took longer than `limits.request_seconds`, or came to a standstill.
    #[error("the body is late")]
    Late,
}

/// What chunks must hold on average, in bytes: a body of single bytes costs a hundred times its size to read. The
/// first few may be as small as they like.
const LEAST_CHUNK: usize = 64;
const FIRST_CHUNKS: usize = 1024;

/// Up to this size, in bytes, a body needs no room of the [`Room`]: nobody keeps the small requests of others out.
const FREE: usize = 16 * 1024;
/// How much room there is for the larger ones together, in KiB.
const ROOM: usize = 32 * 1024;

/// The memory that large bodies share, all that have come and are not dealt with: whoever finds it taken waits, unread, as
/// long as a request may take. Cheap to clone.
#[derive(Clone, Debug)]
struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Room {
    /// Room for a body that may grow so large, in bytes: what it needs is taken at once, for two that each waited for the
    /// rest of theirs would wait for each other.
    async fn take(&self, most: usize) -> Option<OwnedSemaphorePermit> {
        let most = u32::try_from(kib(most).min(ROOM)).ok()?;
        Arc::clone(&self.0).acquire_many_owned(most).await.ok()
    }
}

fn kib(bytes: usize) -> usize {
    bytes / 1024 + 1
}

/// How fast a body must arrive at least, in bytes for each second, after the first seconds: one that stands still gives its
/// room back soon, however long a request may take.
const LEAST_RATE: usize = 4 * 1024;
const GRACE: Duration = Duration::from_secs(5);

/// By when more must have come, where so much of a body is there, in bytes.
fn patience(received: usize) -> Duration {
    GRACE + Duration::from_secs(u64::try_from(received / LEAST_RATE).unwrap_or(u64::MAX))
}

/// A body, and the room that it takes until it is dropped.
#[derive(Debug, Default)]
pub struct Received {
    bytes: BytesMut,
    room: Option<OwnedSemaphorePermit>,
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Where bodies are taken in and worked on. Cheap to clone.
#[derive(Clone)]
pub struct Bodies {
    /// The limits on requests.
    pub limits: Limits,
    /// Where the content of large requests is worked on.
    pub cpu: CpuPool,
    room: Room,
}

impl Bodies {
    /// Takes bodies in within these limits. Starts the threads of the CPU pool.
    pub fn new(limits: Limits) -> Self {
        Self { limits, cpu: CpuPool::new(limits.request), room: Room::default() }
    }

    /// The whole body of a request with these headers. What says that it is too large is not read.
    ///
    /// # Errors
    ///
    /// [`BodyFault`].
    pub async fn read(&self, headers: &HeaderMap, payload: Payload) -> Result<Received, BodyFault> {
        read(headers, payload, &self.limits, &self.room).await
    }

    /// As [`Bodies::read`], where a body may have so many bytes at the most. As many as 16 KiB need none of the memory that
    /// larger bodies share: clients that have not authenticated cannot keep it from others.
    ///
    /// # Errors
    ///
    /// [`BodyFault`].
    pub async fn read_at_most(
        &self,
        bytes: usize,
        headers: &HeaderMap,
        payload: Payload,
    ) -> Result<Received, BodyFault> {
        let limits = Limits { body_bytes: self.limits.body_bytes.min(bytes), ..self.limits };
        read(headers, payload, &limits, &self.room).await
    }
}

async fn read(
    headers: &HeaderMap,
    mut payload: Payload,
    limits: &Limits,
    room: &Room,
) -> Result<Received, BodyFault> {
    let declared = declared(headers);
    let most = declared.unwrap_or(limits.body_bytes);
    if most > limits.body_bytes {
        return Err(BodyFault::TooLarge);
    }
    let whole = async {
        let (mut body, mut chunks) = (Received::default(), 0_usize);
        let mut begun = Instant::now();
        loop {
            // What the library has in hand already is not late.
            let more = tokio::time::timeout_at(begun + patience(body.len()), payload.next()).await;
            let Some(chunk) = more.map_err(|_late| BodyFault::Late)? else { break };
            let chunk = chunk.map_err(|_gone| BodyFault::Incomplete)?;
            if body.is_empty() && !chunk.is_empty() && is_encoded(headers) {
                return Err(BodyFault::Encoded);
            }
            chunks += 1;
            let length = body.len() + chunk.len();
            let is_crumbled = chunks > FIRST_CHUNKS + body.len() / LEAST_CHUNK;
            if is_crumbled || length > most {
                return Err(BodyFault::TooLarge);
            }
            if length > FREE && body.room.is_none() {
                let waiting = Instant::now();
                body.room = room.take(most).await;
                // The time for which the others had the room is not the sender's.
                begun += waiting.elapsed();
                body.bytes.reserve(declared.unwrap_or_default().saturating_sub(body.bytes.len()));
            }
            body.bytes.extend_from_slice(&chunk);
        }
        let needed = kib(body.len());
        if let Some(room) = &mut body.room {
            // What it does not need is given back.
            drop(room.split(room.num_permits().saturating_sub(needed)));
        }
        Ok(body)
    };
    tokio::time::timeout(limits.request, whole).await.unwrap_or(Err(BodyFault::Late))
}

/// Whether a body comes in a coding of its content: `identity` is none.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING);
    codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// How long the body says it is, in bytes. One that comes in chunks does not say (RFC 9112 §6.3).
fn declared(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(CONTENT_LENGTH).filter(|_| !headers.contains_key(TRANSFER_ENCODING))?;
    // What is too long a number is too large a body.
    length.to_str().ok().map(|length| length.parse().unwrap_or(usize::MAX))
}
