//! `onbehalf migrate`: bring the database to the schema of this version, or back.

use clap::Subcommand;

use crate::verb::database::open_store;
use crate::verb::failure::{Failure, say};
use config::Sources;
use store::Store;

#[derive(Clone, Copy, Subcommand)]
pub(super) enum Step {
    /// Apply every step that the database does not have yet
    Up,
    /// Take back the last steps, WITH THE DATA in what they created
    Down {
        /// How many steps
        #[arg(long, default_value_t = 1, value_name = "N")]
        steps: usize,
    },
    /// List every step and whether the database has it
    Status,
}

pub(super) fn migrate(sources: &Sources, step: Step) -> Result<(), Failure> {
    let config = sources.load()?;
    match step {
        Step::Up => {
            let applied = open_store(&config)?.migrate_up()?;
            for version in &applied {
                say(&format!("applied {version}"));
            }
            say(if applied.is_empty() { "nothing to do: the database is current" } else { "done" });
        }
        Step::Down { steps } => {
            let reverted = open_store(&config)?.migrate_down(steps)?;
            for version in &reverted {
                say(&format!("reverted {version}"));
            }
        }
        Step::Status => {
            for step in Store::open(&config.database.options())?.migrations()? {
                let state = match (step.is_applied, step.is_known) {
                    (true, true) => "applied",
                    (true, false) => "applied by a newer version",
                    (false, _) => "pending",
                };
                say(&format!("{} {state}", step.version));
            }
        }
    }
    Ok(())
}
