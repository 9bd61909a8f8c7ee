//! The `onbehalf` command. See [`cli`].

use std::process::ExitCode;

/// Requests make and drop many small values on several threads, which is what this allocator is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for huge pages, which the system gives whole to whoever touches a byte of them: under load twice
    // the memory, and no faster (docs/performance.md). A system that has none to forbid may say so.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    cli::run()
}
