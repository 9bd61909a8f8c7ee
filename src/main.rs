//! The `onbehalf` command. See [`cli`].

use std::process::ExitCode;

/// Requests allocate and free many small values on several threads, which this allocator is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for huge pages, which the system assigns whole at the first use of a byte in them:
    // under load twice the memory, and no faster (docs/performance.md). A system without huge pages may
    // return an error.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    cli::run()
}
