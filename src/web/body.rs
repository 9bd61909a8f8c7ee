//! Reads a request's body within the limits on size and time. Each API has its own messages for the faults.

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

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It is larger than `limits.body_bytes`, or has too many chunks for its size.
    #[error("the body is too large")]
    TooLarge,
    /// It is encoded (`Content-Encoding`), which no body may be (RFC 9110, section 8.4).
    #[error("the body is encoded")]
    Encoded,
    /// The connection was closed before the end.
    #[error("the body is incomplete")]
    Incomplete,
    /// It took longer than `limits.request_seconds`, or stopped arriving.
    #[error("the body is late")]
    Late,
}

/// The least average length of a chunk, in bytes: a body of single bytes costs a hundred times its size to
/// read. The first few chunks may be smaller.
const LEAST_CHUNK: usize = 64;
const FIRST_CHUNKS: usize = 1024;

/// Bodies up to this size, in bytes, need no memory of the [`BodyBudget`], so that small requests never wait for
/// it.
const FREE: usize = 16 * 1024;
/// The memory for larger bodies, in KiB, shared by all requests.
const BUDGET: usize = 32 * 1024;

/// The memory budget of large bodies that are being read or processed. When it is used up, a request waits,
/// its body unread, at most for the time that a request may take. Cheap to clone.
#[derive(Clone, Debug)]
struct BodyBudget(Arc<Semaphore>);

impl Default for BodyBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET)))
    }
}

impl BodyBudget {
    /// Reserves memory for the largest size, in bytes, that a body may have. All of it is taken at once: two
    /// requests that each waited for a second part would wait for each other.
    async fn take(&self, most: usize) -> Option<OwnedSemaphorePermit> {
        let most = u32::try_from(kib(most).min(BUDGET)).ok()?;
        Arc::clone(&self.0).acquire_many_owned(most).await.ok()
    }
}

fn kib(bytes: usize) -> usize {
    bytes / 1024 + 1
}

/// The least rate of a body, in bytes per second, after the first seconds: a stalled body releases its memory
/// soon, however long a request may take.
const LEAST_RATE: usize = 4 * 1024;
const GRACE: Duration = Duration::from_secs(5);

/// The time since the start within which more of a body must arrive, when so many bytes have been received.
fn patience(received: usize) -> Duration {
    GRACE + Duration::from_secs(u64::try_from(received / LEAST_RATE).unwrap_or(u64::MAX))
}

/// A body, and the memory that it holds until it is dropped.
#[derive(Debug, Default)]
pub struct RequestBody {
    bytes: BytesMut,
    budget: Option<OwnedSemaphorePermit>,
}

impl Deref for RequestBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads bodies and processes them. Cheap to clone.
#[derive(Clone)]
pub struct Bodies {
    /// The limits on requests.
    pub limits: Limits,
    /// The threads that parse and validate large bodies.
    pub cpu: CpuPool,
    budget: BodyBudget,
}

impl Bodies {
    /// Reads bodies within these limits. Starts the threads of the CPU pool.
    pub fn new(limits: Limits) -> Self {
        Self { limits, cpu: CpuPool::new(limits.request), budget: BodyBudget::default() }
    }

    /// Reads the whole body of a request with these headers. A body that declares too large a size is not
    /// read.
    pub async fn read(&self, headers: &HeaderMap, payload: Payload) -> Result<RequestBody, BodyFault> {
        read(headers, payload, &self.limits, &self.budget).await
    }

    /// Like [`Bodies::read`], with a limit of its own on the size in bytes. Up to 16 KiB need none of the
    /// memory that larger bodies share: unauthenticated clients cannot use it up.
    pub async fn read_at_most(
        &self,
        bytes: usize,
        headers: &HeaderMap,
        payload: Payload,
    ) -> Result<RequestBody, BodyFault> {
        let limits = Limits { body_bytes: self.limits.body_bytes.min(bytes), ..self.limits };
        read(headers, payload, &limits, &self.budget).await
    }
}

async fn read(
    headers: &HeaderMap,
    mut payload: Payload,
    limits: &Limits,
    budget: &BodyBudget,
) -> Result<RequestBody, BodyFault> {
    let declared = declared(headers);
    let most = declared.unwrap_or(limits.body_bytes);
    if most > limits.body_bytes {
        return Err(BodyFault::TooLarge);
    }
    let whole = async {
        let (mut body, mut chunks) = (RequestBody::default(), 0_usize);
        let mut begun = Instant::now();
        loop {
            // Data that the library has already received is never late.
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
            if length > FREE && body.budget.is_none() {
                let waiting = Instant::now();
                body.budget = budget.take(most).await;
                // The time spent waiting for memory does not count against the sender.
                begun += waiting.elapsed();
                body.bytes.reserve(declared.unwrap_or_default().saturating_sub(body.bytes.len()));
            }
            body.bytes.extend_from_slice(&chunk);
        }
        let needed = kib(body.len());
        if let Some(budget) = &mut body.budget {
            // Memory that the body does not need is released.
            drop(budget.split(budget.num_permits().saturating_sub(needed)));
        }
        Ok(body)
    };
    tokio::time::timeout(limits.request, whole).await.unwrap_or(Err(BodyFault::Late))
}

/// Whether a body has a content coding other than `identity`.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING);
    codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// The declared length of the body in bytes. A chunked body declares none (RFC 9112 §6.3).
fn declared(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(CONTENT_LENGTH).filter(|_| !headers.contains_key(TRANSFER_ENCODING))?;
    // A number too long to parse is a body that is too large.
    length.to_str().ok().map(|length| length.parse().unwrap_or(usize::MAX))
}
