//! Authorization by our own access tokens on this API: permissions, constraints, contexts, and the role
//! behind a token that acts.

mod acting;
mod constraint;
mod kinds;
mod many;
mod permissions;

use domain::account::{Principal, Proofing};

use crate::support::token::registration;
use crate::support::{Backend, Options, TestApp};
use crate::vrs::callers::{guarded_options, id_of, number};
use crate::vrs::known::{CHILD, MOTHER, MOTHERS_ROLE};

/// A server that issues tokens.
pub async fn issuing(backend: Backend) -> TestApp {
    let options = Options { registrations: vec![registration()], ..guarded_options() };
    TestApp::start(backend, options).await
}

/// A system.
pub fn system() -> Principal {
    Principal::System { name: "record system".to_owned() }
}

/// A citizen as themselves.
pub fn citizen(nhs_number: &str) -> Principal {
    Principal::Citizen { nhs_number: number(nhs_number), proofing: Proofing::P9 }
}

/// The mother, acting for her child.
pub fn acting() -> Principal {
    Principal::Proxy { proxy: number(MOTHER), patient: number(CHILD), role: id_of(MOTHERS_ROLE) }
}
