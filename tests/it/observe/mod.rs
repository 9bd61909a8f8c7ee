//! The log of a run: a line for every request, and no personal data.

mod log;
mod refusals;
