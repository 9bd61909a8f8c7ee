//! Reads a request's body, within the limits on size and time. Each front has words of its own for what
//! can go wrong.

use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::config::Limits;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It is larger than `limits.body_bytes`, or comes in too many chunks for its size.
    #[error("the body is too large")]
    TooLarge,
    /// The connection broke off.
    #[error("the body is incomplete")]
    Incomplete,
    /// It took longer than `limits.request_seconds`.
    #[error("the body is late")]
    Late,
}

/// What chunks must hold on average, in bytes: a body of single bytes costs a hundred times its size to read. The
/// first few may be as small as they like.
const LEAST_CHUNK: usize = 64;
const FIRST_CHUNKS: usize = 1024;

/// The whole body.
///
/// # Errors
///
/// [`BodyFault`].
pub async fn read(mut payload: Payload, limits: &Limits) -> Result<BytesMut, BodyFault> {
    let whole = async {
        let (mut body, mut chunks) = (BytesMut::new(), 0_usize);
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_gone| BodyFault::Incomplete)?;
            chunks += 1;
            let is_crumbled = chunks > FIRST_CHUNKS + body.len() / LEAST_CHUNK;
            if is_crumbled || body.len() + chunk.len() > limits.body_bytes {
                return Err(BodyFault::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    tokio::time::timeout(limits.request, whole).await.unwrap_or(Err(BodyFault::Late))
}
