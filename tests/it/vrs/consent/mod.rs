//! `POST /Consent`, `GET /Consent`, `GET /Consent/{id}`.

mod create;
mod create_order;
mod create_refusals;
mod grantor;
mod read;
mod repeated;
mod resource;
mod search_answers;
pub mod search_refusals;
mod smoke;
mod statements;
