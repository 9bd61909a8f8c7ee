//! `GET /RelatedPerson`.

mod answers;
mod refusals;
