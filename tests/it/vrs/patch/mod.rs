//! `PATCH /Consent/{id}`.

mod changes;
mod order;
mod refusals;
