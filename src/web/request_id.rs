//! The ids of a request in the log, in the audit record and in its response (contract §1.3).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header with the id of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header with the id of a chain of requests.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The id of a request in the log and the audit record, where an API assigns one to requests without.
#[derive(Clone, Debug)]
pub struct KnownAs(pub String);

/// Whether a text is a UUID, the form of a request id (contract §1.3): `8-4-4-4-12` hexadecimal digits.
pub fn is_request_id(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// The id of a request, if it is well-formed.
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    given.filter(|id| is_request_id(id))
}

/// The ids of a request, well-formed or not, as its response echoes them. The letter case of their names is
/// restored when bytes are written (`http-guard`).
pub(crate) struct Echo([Option<(HeaderName, HeaderValue)>; 2]);

impl Echo {
    /// The ids of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self([REQUEST_ID, CORRELATION_ID].map(|name| {
            let value = headers.get(&name)?.clone();
            Some((name, value))
        }))
    }

    /// Adds them to the headers of a response.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        for (name, value) in self.0.iter().flatten() {
            headers.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_request_id;

    #[test]
    fn a_request_id_is_a_uuid_of_any_version_and_case() {
        assert!(is_request_id("60E0B220-8136-4CA5-AE46-1D97EF59D068"));
        assert!(is_request_id("00000000-0000-0000-0000-00000000000f"));
        for text in [
            "",
            "60E0B2208136-4CA5-AE46-1D97EF59D068",
            "60E0B220-8136-4CA5-AE46-1D97EF59D06g",
            "{60E0B220-8136-4CA5-AE46-1D97EF59D068}",
        ] {
            assert!(!is_request_id(text), "{text}");
        }
    }
}
