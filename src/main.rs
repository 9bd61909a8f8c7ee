//! The `onbehalf` command. See [`onbehalf::cli`].

use std::process::ExitCode;

/// Requests make and drop many small values on several threads, which is what this allocator is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    onbehalf::cli::run()
}
