//! The `onbehalf` command. See [`onbehalf::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    onbehalf::cli::run()
}
