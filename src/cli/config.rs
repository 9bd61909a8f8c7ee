//! `onbehalf config`: show or check the settings.

use clap::Subcommand;

use crate::verb::failure::{Failure, say};
use config::{DEFAULTS, Sources};

#[derive(Clone, Copy, Subcommand)]
pub(super) enum Look {
    /// Print the settings in force, without secrets
    Show,
    /// Print the default settings: every setting, with its description
    Default,
    /// Check the settings, and report every fault in them
    Check,
}

pub(super) fn look(sources: &Sources, look: Look) -> Result<(), Failure> {
    match look {
        Look::Show => say(&sources.show()?),
        Look::Default => say(DEFAULTS.trim_end()),
        Look::Check => {
            sources.load()?;
            say("the settings are valid");
        }
    }
    Ok(())
}
