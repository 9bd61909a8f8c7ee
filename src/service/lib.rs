//! Use cases. Each takes an open transaction and a clock, and writes the change, its audit record and its
//! outgoing event together. Authorization, the journal of accesses, and the jobs are here too.

pub mod access;
pub mod account;
pub mod authentication;
pub mod authority;
pub mod event;
pub mod job;
pub mod journal;
pub mod person;
pub mod policy;
pub mod proxy;
pub mod verified_token_cache;
