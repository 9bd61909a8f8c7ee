//! Who sees what, whatever the way to it.

mod citizens;
mod lapsed;
pub mod standing;
mod trail;

pub use standing::stand;
