//! The readers.

use std::sync::{Arc, LazyLock};

use api_fhir::statement_of;
use base::clock::StoppedClock;
use base::json;
use base::json::Allowed;
use chrono::{DateTime, Utc};
use config::Contract;
use domain::account::Scopes;
use fhir::fhirpath::Expression;
use fhir::format::xml;
use fhir::patch::{fhirpath_patch, json_patch};
use fhir::validate::validate;
use jose::assertion;
use jose::dpop;
use jose::dpop::ExpectedProof;
use jose::read_keys;
use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;
use service::authentication::PresentedCredentials;
use service::authentication::authenticate;
use service::authority::{Authority, AuthoritySettings, Lifetimes};
use service::policy::AccessPolicy;

use super::fuzz;
use crate::hard::framing;
use crate::support::{beginning, keys, strict_contract};

/// How deep a body may be nested, by default.
const DEPTH: usize = 32;
const ALLOWED: Allowed = Allowed { empty_objects: false, null_items: true, all_of_json: false };

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

/// What the validator says, without values.
fn validated(resource: &Value) -> String {
    let kind = resource["resourceType"].as_str().unwrap_or_default();
    let mut issues: Vec<String> =
        validate(resource, kind).iter().map(|issue| format!("{:?}", issue.code)).collect();
    issues.sort();
    issues.dedup();
    issues.join(" ")
}

/// The typed codec, on documents that have passed our own validator, as in the APIs.
fn coded(resource: &Value) -> String {
    use fhir_codec::CodecResourceType::{Consent, QuestionnaireResponse, RelatedPerson};
    let kinds = [Consent, QuestionnaireResponse, RelatedPerson];
    kinds.map(|kind| fhir_codec::check(kind, &resource.to_string()).is_ok().to_string()).concat()
}

fn json_body(input: &[u8]) -> String {
    let empty = Allowed { empty_objects: true, null_items: false, all_of_json: false };
    let _either = json::parse_with(input, DEPTH, empty);
    match json::parse_with(input, DEPTH, ALLOWED) {
        Ok(resource) => {
            let written = xml::render(&resource, true);
            // What was written can be read, whatever it says.
            let again = xml::parse(written.as_bytes(), 2 * DEPTH).is_ok();
            format!(
                "{} {} {again}",
                validated(&resource),
                if again { coded(&resource) } else { String::new() }
            )
        }
        Err(fault) => format!("{fault:?}"),
    }
}

fn xml_body(input: &[u8]) -> String {
    match xml::parse(input, DEPTH) {
        Ok(resource) => {
            let rendered = xml::render(&resource, false);
            format!("{} {}", validated(&resource), xml::parse(rendered.as_bytes(), 2 * DEPTH).is_ok())
        }
        Err(fault) => format!("{fault:?}"),
    }
}

/// Type, `?` and parameters.
fn search_query(input: &[u8]) -> String {
    static CONTRACT: LazyLock<Contract> = LazyLock::new(strict_contract);
    let text = text(input);
    let (kind, query) = text.split_once('?').unwrap_or(("Consent", &text));
    let clock = Arc::new(StoppedClock::at(beginning()));
    let statement = statement_of(kind, query, clock, *CONTRACT);
    // The shape of what is asked of the database, without values: the words with a capital.
    let shape = |page: String| {
        let words = page.split(|mark: char| !mark.is_ascii_alphanumeric());
        words.filter(|word| word.starts_with(|letter: char| letter.is_ascii_uppercase())).collect::<String>()
    };
    statement.map_or_else(|| "refused".to_owned(), |page| shape(format!("{page:?}")))
}

const ROLE: &str = include_str!("../../data/fhir-samples/41-consent-proxy.json");

fn role() -> &'static Value {
    static PARSED: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(ROLE).expect("a sample"));
    &PARSED
}

/// A patch of a role: what it says, and what becomes of the role.
fn patched(result: Result<Value, fhir::patch::PatchFault>) -> String {
    match result {
        Ok(patched) => {
            let _written = xml::render(&patched, false);
            validated(&patched)
        }
        Err(fault) => format!("{:?} {:?} {}", fault.kind, fault.issue.code, fault.issue.diagnostics.len()),
    }
}

fn a_json_patch(input: &[u8]) -> String {
    match json::parse_with(
        input,
        DEPTH,
        Allowed { empty_objects: true, null_items: true, all_of_json: false },
    ) {
        Ok(patch) => patched(json_patch(role(), &patch)),
        Err(fault) => format!("{fault:?}"),
    }
}

fn a_fhirpath_patch(input: &[u8]) -> String {
    match json::parse_with(input, DEPTH, ALLOWED) {
        Ok(parameters) => patched(fhirpath_patch(role(), &parameters)),
        Err(fault) => format!("{fault:?}"),
    }
}

fn a_fhirpath(input: &[u8]) -> String {
    match Expression::parse(&text(input)) {
        Ok(expression) => {
            let _places = expression.locate(role());
            let found = expression.evaluate(role()).map(|found| found.len());
            format!("{found:?} {:?}", expression.holds(role(), &[]))
        }
        Err(fault) => format!("{fault:?}"),
    }
}

fn scopes(input: &[u8]) -> String {
    let text = text(input);
    let token = Scopes::of_token(&text);
    let most = Scopes::parse("openid launch/patient patient/*.cruds user/*.rs").expect("scopes");
    let _narrowed = most.narrowed_to(&token);
    match Scopes::parse(&text) {
        Ok(scopes) => {
            let written = scopes.to_string();
            assert_eq!(Scopes::parse(&written).map(|again| again.to_string()), Ok(written.clone()));
            written.split(' ').map(|word| word.split('?').next().unwrap_or_default()).collect()
        }
        Err(bad) => format!("{bad:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
    }
}

fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
        Authority::new(AuthoritySettings {
            issuer: "https://proxy.example".to_owned(),
            audiences: vec!["https://proxy.example/FHIR/R4".to_owned()],
            key_folder: None,
            keys: keys(),
            registrations: Vec::new(),
            lifetimes: Lifetimes::default(),
            initial_access: None,
        })
    });
    &AUTHORITY
}

fn now() -> DateTime<Utc> {
    beginning()
}

/// A token as a header has it, as a proof of a key, as an assertion of an app, and as an app's keys.
fn a_token(input: &[u8]) -> String {
    let text = text(input);
    let url = "https://proxy.example/FHIR/R4/Consent";
    let presented = PresentedCredentials {
        authorization: Some(&text),
        dpop: Some(&text),
        method: "GET",
        url,
        query: &text,
    };
    let policy = AccessPolicy::Tokens(Vec::new());
    let admitted = authenticate(&policy, Some(authority()), &presented, now());
    let bare = text.split_once(' ').map_or(text.as_str(), |(_, token)| token);
    let expected = ExpectedProof { method: "GET", url, access_token: Some(bare) };
    let proof = dpop::check(bare, &expected, now()).map(|proof| proof.jkt.len());
    let keys = serde_json::from_str(&text).ok().and_then(|set: Value| read_keys(&set));
    let of = assertion::claimed_client(bare).is_some();
    let by = assertion::claimed_key(bare).unwrap_or_default();
    let none = JwkSet { keys: Vec::new() };
    let known = keys.as_ref().unwrap_or(&none);
    let found = assertion::find_key(known, &by).is_some();
    let asserted = assertion::check(bare, "app", known, &[url], now()).map(|_| ());
    let read = authority().read_access_token(bare, now()).map(|_| ());
    format!("{admitted:?} {proof:?} {of} {found} {asserted:?} {read:?} {}", known.keys.len())
}

#[test]
fn json() {
    fuzz("json", json_body);
}

#[test]
fn xml() {
    fuzz("xml", xml_body);
}

#[test]
fn search() {
    fuzz("search", search_query);
}

#[test]
fn json_patches() {
    fuzz("json-patch", a_json_patch);
}

#[test]
fn fhirpath_patches() {
    fuzz("fhirpath-patch", a_fhirpath_patch);
}

#[test]
fn fhirpath() {
    fuzz("fhirpath", a_fhirpath);
}

#[test]
fn scope() {
    fuzz("scope", scopes);
}

#[test]
fn token() {
    fuzz("token", a_token);
}

#[test]
fn framing_of_messages() {
    fuzz("framing", framing::agreed);
}
