//! Bindings: for a required one another code is an error, for an extensible one a warning (V-07,
//! <https://hl7.org/fhir/R4/terminologies.html#strength>).

use std::borrow::Cow;

use serde_json::Value;

use super::report::{Object, Path, Report};
use crate::outcome::IssueType;
use crate::structure::{Binding, Definitions, ValueSetCodes};

/// Validates a coded value of the named type.
pub(super) fn check(
    definitions: &Definitions,
    binding: &Binding,
    type_name: &str,
    value: &Value,
    at: &Path<'_>,
    report: &mut Report,
) {
    let codes = definitions.codes(binding);
    let is_bound = match type_name {
        "CodeableConcept" | "Coding" => codes.is_none_or(|codes| has_coding(codes, value)),
        _ => value.as_str().is_none_or(|code| match codes {
            Some(codes) => codes.has_code(code),
            None => is_in_open_set(&binding.url, code),
        }),
    };
    if is_bound {
        return;
    }
    let url = &binding.url;
    if binding.is_required {
        report.error(
            IssueType::CodeInvalid,
            at,
            format!("Use a code of the value set {url}: it is required."),
        );
    } else {
        let words = format!("Use a code of the value set {url} where one of them fits.");
        report.warning(IssueType::CodeInvalid, at, words);
    }
}

/// Whether a Coding, or one of the codings of a CodeableConcept, is in the set.
pub(super) fn has_coding(codes: &ValueSetCodes, value: &Value) -> bool {
    let Some(members) = value.as_object() else { return true };
    let path = Path::root("");
    let object = Object { members, path: &path };
    let is_in = |coding: &Value| {
        let part = |name| coding.get(name).and_then(Value::as_str);
        let (Some(system), Some(code)) = (part("system"), part("code")) else { return false };
        codes.has(&canonical_system(system), code)
    };
    is_in(value) || object.items("coding").iter().any(is_in)
}

/// HL7's terminology systems are written with `http://` and with `https://`: the former is canonical.
pub(super) fn canonical_system(system: &str) -> Cow<'_, str> {
    match system.strip_prefix("https://terminology.hl7.org/") {
        Some(rest) => format!("http://terminology.hl7.org/{rest}").into(),
        None => system.into(),
    }
}

/// Value sets whose codes follow a rule and not a list.
fn is_in_open_set(url: &str, code: &str) -> bool {
    match url {
        // The short names are those of `_format`: CapabilityStatements list them as formats.
        "http://hl7.org/fhir/ValueSet/mimetypes" => {
            let is_full = |(kind, rest): (&str, &str)| !kind.is_empty() && !rest.is_empty();
            matches!(code, "json" | "xml" | "ttl") || code.split_once('/').is_some_and(is_full)
        }
        "http://hl7.org/fhir/ValueSet/currencies" => {
            code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
        }
        _ => true,
    }
}
