//! Keeps what the R4 front answers, and what it tells subscribers, for a validator that is not ours: `tests/clients/run FOLDER`.

use std::path::Path;

use onbehalf::fhir::BASE_PATH;
use onbehalf::fhir::format::xml;
use sha2::{Digest as _, Sha256};

use super::Response;

/// With `ONBEHALF_RECORD_ANSWERS` set to a folder, writes the body of this answer there, if the R4 front
/// was asked and said something.
pub fn record(request: &[u8], answer: &Response) {
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let body = &answer.body[..length.unwrap_or(usize::MAX).min(answer.body.len())];
    if is_for_this_front(request) {
        keep(body, answer.header("content-type").unwrap_or_default());
    }
}

/// The same for what a consumer was sent, where that is FHIR: a notification. The front of few words that some tests
/// have says no resources.
pub fn record_notification(content_type: &str, body: &[u8]) {
    let is_resource = body.starts_with(b"{\"resourceType\"") || body.starts_with(b"<");
    if is_resource && content_type.starts_with("application/fhir+") {
        keep(body, content_type);
    }
}

/// Writes a body to the folder. A file is named after its content, so that the same answer is kept once. The validator
/// reads JSON only: XML is written as the JSON that it means, and named so.
fn keep(body: &[u8], content_type: &str) {
    let Ok(folder) = std::env::var("ONBEHALF_RECORD_ANSWERS") else { return };
    if folder.is_empty() || body.is_empty() {
        return;
    }
    let is_xml = content_type.starts_with("application/fhir+xml");
    let (kind, text) = match is_xml.then(|| xml::parse(body, 64)) {
        Some(Ok(resource)) => ("xml", resource.to_string().into_bytes()),
        // What cannot be read is written as it is: the validator says so.
        Some(Err(_)) | None => ("json", body.to_vec()),
    };
    let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = Path::new(&folder).join(format!("{digest}.{kind}"));
    if !path.exists() {
        std::fs::write(&path, &text).expect("the folder for answers can be written to");
    }
}

/// Whether the request line asks for something below the base that is answered with a resource: the SMART
/// configuration, which is found there too, is none.
fn is_for_this_front(request: &[u8]) -> bool {
    let target = request.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let rest = target.strip_prefix(BASE_PATH.as_bytes());
    rest.is_some_and(|rest| {
        !rest.starts_with(b"/.well-known/") && rest.first().is_none_or(|next| b"/?".contains(next))
    })
}
