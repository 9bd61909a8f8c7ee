//! Registry events about people, one kind per file, and their effects on roles.
//!
//! Each may arrive late, twice or out of order. A fact has the time when it occurred, and the newest of each
//! kind is kept: an older one changes nothing. Death, supersession and invalidation are final, so their order
//! among each other does not matter. An event about a superseded number applies to the person who has the new
//! one; only an invalidation is of the number itself. Registry events are processed one after the other.
//!
//! An adoption gives a child a new number that must not be linked to the old one. Here it is an invalidation:
//! the new number is not even read.

mod event_context;
mod invalidate;
mod move_practice;
mod record_death;
mod restrict;
mod supersede_nhs_number;
mod suppress_person;

pub use event_context::{RegistryEventContext, RegistryUpdateOutcome};
pub use invalidate::invalidate;
pub use move_practice::move_practice;
pub use record_death::{end_roles_of_dead, record_death};
pub use restrict::{restrict, unrestrict};
pub use supersede_nhs_number::supersede_nhs_number;
