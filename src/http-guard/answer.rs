//! Outgoing bytes: restores the caller's spelling of header names, and adds a body to refusals without one.

use std::collections::VecDeque;

use actix_web::http::StatusCode;
use memchr::memmem;

use crate::head::{CORRELATION_ID, HeaderSpelling, REQUEST_ID};
use crate::head_parser::RequestHeadParser;

/// Makes the body of the response to a message that is not a valid request, from its status: FHIR JSON.
pub type RefusalBody = fn(u16) -> String;

const EMPTY: &[u8] = b"content-length: 0\r\n";

/// The bytes to write instead of these, if they must change. A response begins where a write begins; a
/// refusal by the library can follow another response, at the end of the bytes.
pub(crate) fn rewrite(
    bytes: &[u8],
    spellings: &mut VecDeque<HeaderSpelling>,
    parser: &mut RequestHeadParser,
    refusal_body: RefusalBody,
) -> Option<Vec<u8>> {
    let refusal = bare_refusal(bytes);
    if !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let mut answer = bytes.to_vec();
    if bytes.starts_with(b"HTTP/1.1 101") {
        parser.upgraded();
    }
    // `100 Continue` is not the final response.
    if !bytes.starts_with(b"HTTP/1.1 100") {
        parser.answered();
        let names = spellings.pop_front().unwrap_or_default();
        let end = memmem::find(bytes, b"\r\n\r\n").map_or(bytes.len(), |at| at + 2);
        names.restore(answer.get_mut(..end).unwrap_or_default());
    }
    if let Some((start, status)) = refusal {
        let mut head = answer.split_off(start);
        let status = parser.refusal().map_or(status, |status| restate(&mut head, status));
        let body = refusal_body(status);
        let length = memmem::find(&head, EMPTY)?;
        head.drain(length..length + EMPTY.len());
        head.truncate(head.len() - 2);
        head.extend_from_slice(b"content-type: application/fhir+json\r\n");
        head.extend_from_slice(format!("content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
        answer.extend_from_slice(&head);
    }
    Some(answer)
}

/// The response to a request whose body was refused. It ends the connection.
pub(crate) fn refusal(status: u16, refusal_body: RefusalBody) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} \r\n").into_bytes();
    restate(&mut head, status);
    let body = refusal_body(status);
    let fields = "connection: close\r\ncontent-type: application/fhir+json\r\n";
    head.extend_from_slice(format!("{fields}content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    head
}

/// Replaces the status of a refusal.
fn restate(head: &mut Vec<u8>, status: u16) -> u16 {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let line = format!("HTTP/1.1 {status} {}", reason.unwrap_or_default());
    let end = memmem::find(head, b"\r\n").unwrap_or(head.len());
    head.splice(..end, line.into_bytes());
    status
}

/// The start and the status of a refusal without a body, if these bytes end with one. The responses of the
/// server's own handlers all have a body, and none of their JSON contains a line break.
fn bare_refusal(bytes: &[u8]) -> Option<(usize, u16)> {
    let start = memmem::rfind(bytes, b"HTTP/1.1 4").or_else(|| memmem::rfind(bytes, b"HTTP/1.0 4"))?;
    let head = bytes.get(start..)?;
    let is_whole = head.ends_with(b"\r\n\r\n") && memmem::find(head, b"\r\n\r\n") == Some(head.len() - 4);
    let is_empty = memmem::find(head, EMPTY).is_some();
    let status = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    (is_whole && is_empty).then_some((start, status))
}

impl HeaderSpelling {
    /// Restores the header names in the head of a response.
    fn restore(&self, head: &mut [u8]) {
        for (plain, spelt) in [(REQUEST_ID, &self.request_id), (CORRELATION_ID, &self.correlation_id)] {
            let Some(spelt) = spelt.as_ref().filter(|spelt| spelt.len() == plain.len()) else { continue };
            let header = [b"\r\n", plain, b": "].concat();
            let name = memmem::find(head, &header).map(|at| at + 2..at + 2 + plain.len());
            if let Some(place) = name.and_then(|name| head.get_mut(name)) {
                place.copy_from_slice(spelt);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rewrite;
    use crate::head::HeaderSpelling;
    use crate::head_parser::RequestHeadParser;
    use std::collections::VecDeque;

    const OUTCOME: fn(u16) -> String = |status| format!("{{\"OperationOutcome\":{status}}}");

    fn written(bytes: &str, request_id: &str) -> Option<String> {
        let names = HeaderSpelling { request_id: Some(request_id.as_bytes().to_vec()), correlation_id: None };
        let rewritten = rewrite(
            bytes.as_bytes(),
            &mut VecDeque::from([names]),
            &mut RequestHeadParser::default(),
            OUTCOME,
        );
        rewritten.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn header_names_are_echoed_in_their_spelling() {
        let answer = "HTTP/1.1 200 OK\r\nx-request-id: 1\r\n\r\nbody";
        assert_eq!(written(answer, "X-REQUEST-id").unwrap(), answer.replace("x-request-id", "X-REQUEST-id"));
    }

    #[test]
    fn http_error_without_a_body_gets_an_operation_outcome() {
        let bare = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        for before in ["", answer] {
            let answer = written(&format!("{before}{bare}"), "x-request-id").unwrap();
            let refusal = answer.strip_prefix(before).unwrap();
            let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
            assert_eq!(head.matches("content-length").count(), 1);
            assert!(body.contains("OperationOutcome"));
        }
    }

    #[test]
    fn http_error_names_the_cause_that_the_library_omits() {
        let bare = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let mut parser = RequestHeadParser::default();
        parser.refuse(408);
        let answer = rewrite(bare, &mut VecDeque::new(), &mut parser, OUTCOME).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
        assert!(answer.contains("OperationOutcome"));
    }

    #[test]
    fn bytes_that_start_no_response_are_passed_unchanged() {
        assert!(written("more of a body", "x-request-id").is_none());
    }
}
