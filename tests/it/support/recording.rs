//! Keeps the responses of the R4 API and its notifications for an independent validator: `tests/clients/run
//! FOLDER`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use api_fhir::BASE_PATH;
use fhir::format::xml;
use sha2::{Digest as _, Sha256};

use super::Response;

/// Longer answers are not kept: those that attack a limit repeat one element, and a validator takes minutes for them.
const MOST: usize = 128 * 1024;

/// With `ONBEHALF_RECORD_ANSWERS` set to a folder, writes the body of this response there, where it is of the
/// R4 API and not empty.
pub fn record(request: &[u8], answer: &Response) {
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let body = &answer.body[..length.unwrap_or(usize::MAX).min(answer.body.len())];
    if is_for_this_front(request) && body.len() <= MOST {
        let origin = format!("{} {}", answer.status, operation(request));
        keep(body, answer.header("content-type").unwrap_or_default(), &origin);
    }
}

/// The same for deliveries to a consumer that are FHIR notifications. The minimal API of some tests sends no
/// resources.
pub fn record_notification(content_type: &str, body: &[u8]) {
    let is_resource = body.starts_with(b"{\"resourceType\"") || body.starts_with(b"<");
    if is_resource && content_type.starts_with("application/fhir+") {
        keep(body, content_type, "notification");
    }
}

/// What a request asks for, without the values that make it one of many: the method and the path, with `{id}` for
/// the id of a resource and the names of the search parameters.
fn operation(request: &[u8]) -> String {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default().strip_prefix(BASE_PATH).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut shape = String::new();
    let is_type = |segment: &str| {
        segment.starts_with(|first: char| first.is_ascii_uppercase())
            && segment.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let is_name = |segment: &str| segment.starts_with(['_', '$']) || is_type(segment);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        shape.push('/');
        shape.push_str(if is_name(segment) || segment == "metadata" { segment } else { "{id}" });
    }
    let mut names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    names.sort_unstable();
    names.dedup();
    format!("{method} {shape}?{}", names.join("&")).replace(['\t', '\n'], " ")
}

/// Writes a body to the folder. A file is named after its content, so that the same answer is kept once. Medplum's
/// validator reads JSON only: XML is written as the JSON that it means, and named so; beside it stands the XML for
/// HL7's. `index.tsv` has a line for each answer: its file, and what it answers.
fn keep(body: &[u8], content_type: &str, origin: &str) {
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
        if is_xml {
            std::fs::write(path.with_extension("xml.raw"), body)
                .expect("the folder for answers can be written to");
        }
        let index = OpenOptions::new().create(true).append(true).open(Path::new(&folder).join("index.tsv"));
        let line = format!("{digest}.{kind}\t{origin}\n");
        index
            .and_then(|mut index| index.write_all(line.as_bytes()))
            .expect("the index of answers can be written to");
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
