//! stop-gap
use crate::fhir::refusal::Refusal;
use serde_json::Value;
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
}
impl Format {
    pub(crate) fn content_type(self) -> &'static str {
        "application/fhir+json; charset=UTF-8"
    }
}
pub(crate) enum BodyFormat {
    Json,
    Xml,
    JsonPatch,
    Form,
}
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ReturnPreference {
    Minimal,
    #[default]
    Representation,
    OperationOutcome,
}
#[derive(Clone, Copy, Default)]
pub(crate) struct Prefer {
    pub(crate) returns: ReturnPreference,
    pub(crate) is_strict: bool,
}
impl Prefer {
    pub(crate) fn parse(text: &str) -> Self {
        Self {
            returns: if text.contains("minimal") {
                ReturnPreference::Minimal
            } else if text.contains("OperationOutcome") {
                ReturnPreference::OperationOutcome
            } else {
                ReturnPreference::Representation
            },
            is_strict: text.contains("handling=strict"),
        }
    }
}
pub(crate) fn negotiate(_a: Option<&str>, _f: Option<&str>) -> Result<Format, Refusal> {
    Ok(Format::Json)
}
pub(crate) fn body_format(ct: Option<&str>) -> Result<BodyFormat, Refusal> {
    Ok(match ct {
        Some(c) if c.contains("json-patch") => BodyFormat::JsonPatch,
        Some(c) if c.contains("urlencoded") => BodyFormat::Form,
        Some(c) if c.contains("xml") => BodyFormat::Xml,
        _ => BodyFormat::Json,
    })
}
pub(crate) fn read_json(b: &[u8], d: usize) -> Result<Value, Refusal> {
    crate::json::parse(b, d).map_err(|f| Refusal::invalid(f.to_string()))
}
pub(crate) fn read_xml(_b: &[u8], _d: usize) -> Result<Value, Refusal> {
    Err(Refusal::invalid("no xml"))
}
pub(crate) fn read_json_patch(b: &[u8], d: usize) -> Result<Value, Refusal> {
    read_json(b, d)
}
pub(crate) fn render(v: &Value, _f: Format, p: bool) -> Result<Vec<u8>, Refusal> {
    Ok(if p { serde_json::to_vec_pretty(v).unwrap_or_default() } else { v.to_string().into_bytes() })
}
