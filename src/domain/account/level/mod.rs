//! What a member of an account may do: actions, access levels, the limits of a proxy role, and the access that follows.
//!
//! The levels are the CodeSystem `access-level`, the limits the ConceptMap `requested-access-to-data-category` of
//! `fhir-profiles/`.

mod access_level;
mod access_set;
mod account_action;
mod limits;
mod member_access;

#[cfg(test)]
pub(crate) mod tests;

pub use access_level::{Level, LevelEntry, LevelVersion, levels};
pub use access_set::AccessSet;
pub use account_action::{AccountAction, ActionSet};
pub use limits::{RequestedAccess, RoleLimits};
pub use member_access::{AccessChangeRefused, MemberAccess};
