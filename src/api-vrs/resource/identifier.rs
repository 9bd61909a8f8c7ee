//! Identifiers of people.

use serde_json::{Value, json};

use crate::url;
use domain::person::NhsNumber;

pub(super) fn nhs_identifier(number: NhsNumber) -> Value {
    json!({ "system": url::NHS_NUMBER, "value": number.as_str() })
}
