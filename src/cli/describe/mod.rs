//! `onbehalf completions` and `onbehalf man`: the command line's description, for shells and for `man`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Command, ValueEnum as _};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::verb::failure::CommandFailure;

#[derive(Args)]
pub(super) struct Completions {
    /// The shell; by default the one that SHELL names
    shell: Option<Shell>,
}

#[derive(Args)]
pub(super) struct Pages {
    /// Write one page for each command into this folder, instead of the main page to standard output
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Prints the completion script of a shell: `onbehalf completions bash >/etc/bash_completion.d/onbehalf`.
pub(super) fn completions(mut command: Command, asked: &Completions) -> Result<(), CommandFailure> {
    let Some(shell) = asked.shell.or_else(Shell::from_env) else {
        let names: Vec<String> = Shell::value_variants().iter().map(ToString::to_string).collect();
        return Err(CommandFailure::Other(format!("name a shell: one of {}", names.join(", "))));
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "onbehalf", &mut script);
    // A closed pipe is no error.
    let _closed = std::io::stdout().write_all(&script);
    Ok(())
}

/// Writes the manual pages (roff): the main page to standard output, or one for each command into a folder.
pub(super) fn man(command: Command, asked: &Pages) -> Result<(), CommandFailure> {
    let cannot = |error| CommandFailure::Other(format!("the manual pages cannot be written: {error}"));
    if let Some(folder) = &asked.folder {
        return clap_mangen::generate_to(command, folder).map_err(cannot);
    }
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(cannot)?;
    let _closed = std::io::stdout().write_all(&page);
    Ok(())
}
