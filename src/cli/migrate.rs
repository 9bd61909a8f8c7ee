//! `onbehalf migrate`: migrate the database to the schema of this version, or undo migrations.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Subcommand;

use crate::verb::database::open_store;
use crate::verb::failure::{CommandFailure, say};
use config::Sources;
use store::Store;

#[derive(Clone, Copy, Subcommand)]
pub(super) enum MigrateCommand {
    /// Apply every pending migration
    Up,
    /// Undo the last migrations. This deletes the data in the tables that they created
    Down {
        /// The number of migrations
        #[arg(long, default_value_t = 1, value_name = "N")]
        steps: usize,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// List every migration and whether it is applied
    Status,
}

pub(super) fn migrate(sources: &Sources, step: MigrateCommand) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    match step {
        MigrateCommand::Up => {
            let applied = open_store(&config)?.migrate_up()?;
            for version in &applied {
                say(&format!("applied {version}"));
            }
            say(if applied.is_empty() { "nothing to do: the database is current" } else { "done" });
        }
        MigrateCommand::Down { steps, yes } => {
            let store = open_store(&config)?;
            store.check_not_newer()?;
            if !yes {
                ask(&store, steps)?;
            }
            let reverted = store.migrate_down(steps)?;
            for version in &reverted {
                say(&format!("reverted {version}"));
            }
        }
        MigrateCommand::Status => {
            for step in Store::open(&config.database.options())?.migrations()? {
                let state = match (step.is_applied, step.is_known) {
                    (true, true) => "applied",
                    (true, false) => "applied by a newer version",
                    (false, _) => "pending",
                };
                say(&format!("{} {} {state}", step.version, step.name.as_deref().unwrap_or("-")));
            }
        }
    }
    Ok(())
}

/// Asks at the terminal whether to undo the last migrations. Without a terminal the answer is no: a script
/// uses `--yes`.
fn ask(store: &Store, steps: usize) -> Result<(), CommandFailure> {
    let all = store.migrations()?;
    let undone: Vec<&str> = all
        .iter()
        .rev()
        .filter(|step| step.is_applied)
        .take(steps)
        .map(|step| step.name.as_deref().unwrap_or(&step.version))
        .collect();
    let what = undone.join(", ");
    if !io::stdin().is_terminal() {
        let message = format!("this would delete the data of {what}: repeat the command with --yes");
        return Err(CommandFailure::Other(message));
    }
    let _closed = write!(io::stderr(), "Undo {what} in {}, and delete their data? [y/N] ", store.url());
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if read.is_err() || !is_yes {
        return Err(CommandFailure::Other("nothing was undone".to_owned()));
    }
    Ok(())
}
