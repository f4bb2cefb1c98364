//! What this program is to itself where a key is in a smart card or HSM: the process that loads the foreign
//! module. No command for people; so it is in no help, manual or completion.

use std::process::ExitCode;

use crate::outbound::{SIGNING_COMMAND, serve_pkcs11};

pub(super) fn is_wanted() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().is_some_and(|it| it == SIGNING_COMMAND) && arguments.next().is_none()
}

/// Before anything else is read or begun: neither a configuration nor a log is its business.
pub(super) fn run() -> ExitCode {
    match serve_pkcs11() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
