//! The tour of the sandbox at `/`: the people and their roles as a picture and as a table, links that log in as one of them,
//! and three requests with the answers that the APIs give now.

mod app;
mod log_in;
mod people;
mod picture;
mod sample;
mod start;

pub use app::TourApp;
pub(super) use log_in::{back, log_in};
pub(super) use start::show;
