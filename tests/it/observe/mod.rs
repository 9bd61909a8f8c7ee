//! What a run leaves in the log: a line for every request, and nothing about anybody.

mod log;
mod refusals;
