//! Callers of every kind (contract §1.1): a bearer token each.

use domain::account::{Principal, Proofing};
use domain::person::{NhsNumber, NumberCheck};
use service::policy::{AccessPolicy, BearerToken};
use sha2::{Digest as _, Sha256};

use crate::support::{Backend, Options, TestApp, strict_contract};
use crate::vrs::known::{CHILD, LONER, MOTHER, PROXY};

/// A member of staff (mode H).
pub const NURSE: &str = "token-of-a-nurse";
/// A system (mode A).
pub const SYSTEM: &str = "token-of-a-record-system";
/// Citizens (mode P), by NHS number: their token is the number after `citizen-`.
const CITIZENS: [&str; 4] = [MOTHER, CHILD, LONER, PROXY];

pub fn number(text: &str) -> NhsNumber {
    NhsNumber::parse(text, NumberCheck::Length).expect("an NHS number")
}

pub use crate::vrs::known::id as id_of;

/// The token of a citizen.
pub fn citizen(nhs_number: &str) -> String {
    format!("citizen-{nhs_number}")
}

fn policy() -> AccessPolicy {
    let token =
        |text: &str, principal| BearerToken { digest: Sha256::digest(text.as_bytes()).into(), principal };
    let citizens = CITIZENS.into_iter().map(|text| {
        token(&citizen(text), Principal::Citizen { nhs_number: number(text), proofing: Proofing::P9 })
    });
    let others = [
        token(NURSE, Principal::Staff { name: "nurse".into(), organisation: None }),
        token(SYSTEM, Principal::System { name: "record system".into() }),
    ];
    AccessPolicy::Tokens(citizens.chain(others).collect())
}

/// A server with the strict rules that lets in these callers alone.
pub async fn guarded(backend: Backend) -> TestApp {
    TestApp::start(backend, guarded_options()).await
}

pub fn guarded_options() -> Options {
    Options { contract: strict_contract(), policy: policy(), ..Options::default() }
}
