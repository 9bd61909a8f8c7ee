//! What the registry tells of people, one kind of event per file, and what it does to their roles.
//!
//! Each is safe when it comes late, twice or in the wrong order. A fact has the time when it happened, and of each
//! kind we keep the newest: what is older undoes nothing. Death, supersession and invalidation have no way back,
//! so their order among each other does not matter. What is told of a number that was superseded is told of the
//! person who has the new one; only an invalidation is of the number itself. What the registry tells is taken in
//! one event after the other.
//!
//! An adoption gives a child a new number that nothing may link to the old one. Here it is an invalidation: the
//! new number is not even read.

mod die;
mod hide;
mod invalidate;
mod move_practice;
mod renumber;
mod restrict;
mod telling;

pub use die::{die, end_roles_of_dead};
pub use invalidate::invalidate;
pub use move_practice::move_practice;
pub use renumber::renumber;
pub use restrict::{restrict, unrestrict};
pub use telling::{Telling, Told};
