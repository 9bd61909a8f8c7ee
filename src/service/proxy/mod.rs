//! The use cases that change roles, relationships and access requests, one per file. Each writes its change,
//! its audit record and its event in the transaction that it is given.

mod by_itself;
mod change_access_request;
mod change_role;
mod create_role;
mod deactivate_unused_role;
mod expire_role;
mod import_roles;
mod people;
pub mod query;
mod reach_milestone;
mod relate;
mod remind_of_end;
mod seed;
mod submit_access_request;

pub(crate) use by_itself::{end_by_itself, save_by_itself};
pub use change_access_request::change_access_request;
pub use change_role::change_role;
pub use create_role::{CreateRoleError, create_role};
pub use deactivate_unused_role::deactivate_unused_role;
pub use expire_role::expire_role;
pub use import_roles::{Imported, Incoming, import_roles};
pub(crate) use people::subject_of;
pub use reach_milestone::reach_milestone;
pub use relate::{RelationshipError, change_relationship, create_relationship};
pub use remind_of_end::remind_of_end;
pub use seed::{Seed, Seeded, seed};
pub use submit_access_request::{Submission, SubmissionRules, SubmitError, submit_access_request};
