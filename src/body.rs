//! Reads a request's body, within the limits on size and time. Each front has words of its own for what
//! can go wrong.

use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::config::Limits;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It is larger than `limits.body_bytes`.
    #[error("the body is too large")]
    TooLarge,
    /// The connection broke off.
    #[error("the body is incomplete")]
    Incomplete,
    /// It took longer than `limits.request_seconds`.
    #[error("the body is late")]
    Late,
}

/// The whole body.
///
/// # Errors
///
/// [`BodyFault`].
pub async fn read(mut payload: Payload, limits: &Limits) -> Result<BytesMut, BodyFault> {
    let whole = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_gone| BodyFault::Incomplete)?;
            if body.len() + chunk.len() > limits.body_bytes {
                return Err(BodyFault::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    tokio::time::timeout(limits.request, whole).await.unwrap_or(Err(BodyFault::Late))
}
