//! The Validated Relationships front.

mod access_modes;
mod callers;
mod content_types;
mod cors;
mod echo;
mod footprint;
mod gateway_order;
mod headers;
mod health;
mod known;
mod operations;
mod routes;
mod smoke;
mod told;
