//! `onbehalf config`: show or check the settings.

use clap::Subcommand;

use crate::verb::failure::{CommandFailure, say};
use config::{DEFAULTS, Sources};

#[derive(Clone, Copy, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the settings in force, without secrets
    Show,
    /// Print the default settings: every setting, with its description
    Default,
    /// Check the settings, and report every fault in them
    Check,
}

pub(super) fn config(sources: &Sources, command: ConfigCommand) -> Result<(), CommandFailure> {
    match command {
        ConfigCommand::Show => say(&sources.show()?),
        ConfigCommand::Default => say(DEFAULTS.trim_end()),
        ConfigCommand::Check => {
            sources.load()?;
            say("the settings are valid");
        }
    }
    Ok(())
}
