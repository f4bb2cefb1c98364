//! `bearergate`: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

/// Worth a tenth of the CPU time over the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bearergate::cli::main()
}
