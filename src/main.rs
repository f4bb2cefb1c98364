//! `bearergate`: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

/// Worth a tenth of the CPU time over the system's allocator. It asks for no huge pages (`no_thp`): a
/// gateway at rest would hold seven megabytes that it does not use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Nor does it take those that a kernel gives unasked.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    bearergate::cli::main()
}
