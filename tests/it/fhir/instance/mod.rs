//! Interactions with one resource (checks ).

mod amend;
mod conditional;
mod create;
mod delete;
mod history;
mod patch;
mod preconditions;
mod read;
mod unchanged;
mod update;
