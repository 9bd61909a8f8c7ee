//! HTTP rules of every request (checks G-01 to G-20).

mod encodings;
mod failures;
mod formats;
mod headers;
mod paths;
mod refusals;
