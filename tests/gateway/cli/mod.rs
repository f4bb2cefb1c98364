//! The real binary, as somebody who has read `--help` and the README: what it prints, where, and with
//! which exit code; and what it never prints.

mod api_key;
mod certificate;
mod check;
mod delegated;
mod dev;
mod log;
mod serve;
mod usage;

use crate::support::Setup;

/// An application with the identity `mail-daemon` and the route `/mail/**`.
fn setup() -> Setup {
    Setup::of("cli.yaml")
}
