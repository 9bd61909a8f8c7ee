//! Visibility of resources, by every interaction.

mod audit;
mod citizens;
mod lapsed;
pub mod standing;

pub use standing::stand;
