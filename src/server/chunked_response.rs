//! Splits large responses into pieces. The HTTP library copies what a body yields into the connection's
//! buffer before it writes: if a body yielded everything at once, each client that does not read would keep a
//! copy of its response there.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Bytes;

/// The length of a piece, in bytes.
const CHUNK: usize = 16 * 1024;

/// The rest of a body.
struct ChunkedBody(Bytes);

impl MessageBody for ChunkedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.0.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let length = self.0.len().min(CHUNK);
        Poll::Ready((length > 0).then(|| Ok(self.0.split_to(length))))
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        Ok(self.0)
    }
}

/// Splits a response whose body is complete, if it is large.
pub(super) async fn chunk_response(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?;
    Ok(response.map_body(|_head, body| match body.try_into_bytes() {
        Ok(bytes) if bytes.len() > CHUNK => BoxBody::new(ChunkedBody(bytes)),
        Ok(bytes) => BoxBody::new(bytes),
        Err(streamed) => streamed.boxed(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn chunks_of_a_response_are_the_whole_in_order() {
        let whole: Vec<u8> = (0..2 * CHUNK + 5).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut body = Box::pin(ChunkedBody(whole.clone().into()));
        assert_eq!(body.size(), BodySize::Sized(u64::try_from(whole.len()).unwrap()));
        let mut taken = Vec::new();
        while let Some(Ok(piece)) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
            assert!(piece.len() <= CHUNK);
            taken.extend_from_slice(&piece);
        }
        assert_eq!(taken, whole);
    }
}
