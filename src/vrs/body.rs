//! Reads a request's body, within the limits on size and time.

use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::config::Limits;
use crate::vrs::catalogue;
use crate::vrs::problem::Problem;

/// The whole body.
pub(crate) async fn read(mut payload: Payload, limits: &Limits) -> Result<Vec<u8>, Problem> {
    let whole = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk =
                chunk.map_err(|_gone| catalogue::BAD_REQUEST.saying("The request body is incomplete."))?;
            if body.len() + chunk.len() > limits.body_bytes {
                return Err(catalogue::TOO_LARGE);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.to_vec())
    };
    tokio::time::timeout(limits.request, whole).await.unwrap_or(Err(catalogue::TIMEOUT))
}
