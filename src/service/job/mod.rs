//! What the service does by itself, at its time: one job per file.
//!
//! Every server process runs the [`Runner`]. A job is a row of the database with a time when it is due; whoever
//! takes it holds a lease, and renews it in the transaction of each batch. So a job runs once at a time however
//! many processes there are, the work of a process that lost its lease is not committed, and the job of one that
//! was killed is taken over when its lease has run out. A job does everything that is due by now, not what is
//! due today: whatever was missed while no server ran is done by the next run.
//!
//! A batch is one transaction. Where a row of it cannot be done, the rows are done one by one, and the bad one is
//! logged and skipped: it never stops the others, and is tried again in the next run.

mod deactivate_unused;
mod expire_roles;
mod letter;
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

pub use runner::{Runner, Running};
pub use table::{JOBS, Job};
