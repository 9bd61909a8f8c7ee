//! Visibility of resources, by every interaction.

mod citizens;
mod lapsed;
pub mod standing;
mod trail;

pub use standing::stand;
