//! `onbehalf config`: look at the settings.

use clap::Subcommand;

use crate::verb::failure::{Failure, say};
use config::{DEFAULTS, Sources};

#[derive(Clone, Copy, Subcommand)]
pub(super) enum Look {
    /// Print the settings in force, without what is secret
    Show,
    /// Print the default settings: every setting there is, with what it is for
    Default,
    /// Check the settings, and name every fault in them
    Check,
}

pub(super) fn look(sources: &Sources, look: Look) -> Result<(), Failure> {
    match look {
        Look::Show => say(&sources.show()?),
        Look::Default => say(DEFAULTS.trim_end()),
        Look::Check => {
            sources.load()?;
            say("the settings are right");
        }
    }
    Ok(())
}
