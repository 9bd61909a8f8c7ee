//! OnBehalf: an open national proxy service, the one place that says who may act for whom in digital
//! health.
//!
//! A room of this crate may use only what stands below it:
//!
//! 1. [`cli`], [`server`]: the command line, and the composition of routes and middleware;
//! 2. the fronts: [`vrs`], the published Validated Relationships contract, and [`fhir`], the FHIR R4 API.
//!    Neither uses the other; [`inbox`], which hears what the registry tells of people; [`account::upstream`], which speaks with the identity providers, and the
//!    simulated ones of the sandbox;
//! 3. the use cases: [`proxy::command`], [`proxy::query`], [`person::command`], [`account::access`],
//!    [`account::command`]. They take an open transaction and a clock and know nothing of HTTP. [`job`] calls them
//!    when their time has come. Beside them [`audit::Journal`] writes accesses down;
//! 4. [`store`]: rows to domain values and back, on SQLite and on PostgreSQL;
//! 5. pure domain files: [`person`], [`proxy`], [`account`] (who is calling), [`audit`] and [`event`] (what
//!    is written down and told of an act), [`date_time`].
//!
//! Beside them stand [`clock`], [`ids`], [`error`], [`canonical`] and [`cpu_pool`], which every room may use, [`config`],
//! [`observe`], and [`body`], [`credentials`], [`net`] and [`json`], which judge what comes from outside. `tests/it/architecture.rs` reads the `use` lines
//! and fails on a breach.
//!
//! A change, its audit record and its outgoing event are written in one transaction.

pub mod account;
pub mod app;
pub mod audit;
pub mod body;
pub mod canonical;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cpu_pool;
pub mod credentials;
pub mod date_time;
pub mod error;
pub mod event;
pub mod fhir;
pub mod ids;
pub mod inbox;
pub mod job;
pub mod json;
pub mod net;
pub mod observe;
pub mod person;
pub mod priority;
pub mod proxy;
pub mod secret;
pub mod server;
pub mod store;
pub mod vrs;
