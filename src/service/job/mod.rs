//! The scheduled jobs of the service, one per file.
//!
//! Every server process runs the [`Runner`]. A job is a row of the database with a due time; the process that
//! takes it holds a lease, and renews it in the transaction of each batch. So a job runs once at a time
//! however many processes there are, the work of a process that lost its lease is not committed, and the job
//! of a killed process is taken over when its lease expires. A job does everything that is due by now, so
//! what was missed while no server ran is done by the next run.
//!
//! A batch is one transaction. Where a row of it fails, the rows are done one by one, and the failing one is
//! logged and skipped: it never stops the others, and is retried in the next run.

mod deactivate_unused;
mod expire_roles;
mod message_text;
mod milestones;
mod purge;
mod remind;
mod run;
mod runner;
mod send_messages;
pub mod sender;
pub mod settings;
mod statistics;
mod table;

pub use runner::{JobRunner, Runner};
pub use table::{JOBS, Job};
