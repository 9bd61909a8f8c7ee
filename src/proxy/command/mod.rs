//! The use cases that change something, one per file. Each writes its change, its audit record and its
//! event in the transaction that it is given.

mod change_access_request;
mod change_role;
mod create_role;
mod relate;
mod seed;
mod submit_access_request;

pub use change_access_request::change_access_request;
pub use change_role::change_role;
pub use create_role::{CreateRoleError, create_role};
pub use relate::{RelationshipError, change_relationship, create_relationship};
pub use seed::{Seed, Seeded, seed};
pub use submit_access_request::{Submission, SubmitError, submit_access_request};

use crate::audit::Subject;
use crate::proxy::{Role, Versioned};

fn subject_of(role: &Versioned<Role>) -> Subject {
    Subject {
        reference: format!("Consent/{}", role.value.id),
        version: role.version,
        patient: role.value.patient,
        proxy: role.value.proxy,
    }
}
