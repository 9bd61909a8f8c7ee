//! Telling others of what happened.

mod brokers;
