//! stop-gap
use serde_json::Value;
pub(crate) struct R {
    pub(crate) status: u16,
    pub(crate) issues: Vec<crate::fhir::outcome::Issue>,
}
pub(crate) fn json_patch(_a: &Value, _b: &Value) -> Result<Value, R> {
    Err(R { status: 415, issues: vec![] })
}
pub(crate) fn fhirpath_patch(_a: &Value, _b: &Value) -> Result<Value, R> {
    Err(R { status: 415, issues: vec![] })
}
