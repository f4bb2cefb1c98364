//! Who takes part, and how each is started.

use std::ffi::OsStr;
use std::process::Stdio;

use super::options::Options;
use super::world::credentials::Credentials;
use super::world::gateway::{Route, free_address, wait_for};
use super::world::process::Process;
use super::world::wire::Wire;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Contender {
    /// A bare pass-through on Pingora, by its own server.
    Pingora,
    /// The same, verifying each token by OpenSSL.
    PingoraVerifying,
    /// A bare pass-through with hyper on both sides.
    Hyper,
    Gateway(Route),
    /// With two workers, and tokens to check.
    GatewayOfTwo,
    /// Another binary of the gateway.
    Other(Route),
    OtherOfTwo,
}

impl Contender {
    pub(super) fn name(self) -> String {
        let plain = match self {
            Self::Pingora => "bare Pingora",
            Self::PingoraVerifying => "bare Pingora + RS256",
            Self::Hyper => "bare hyper",
            Self::Gateway(route) => return format!("gateway ({})", route.name()),
            Self::GatewayOfTwo => "gateway of two workers",
            Self::Other(route) => return format!("other gateway ({})", route.name()),
            Self::OtherOfTwo => "other gateway of two workers",
        };
        plain.to_owned()
    }

    pub(super) fn by_other(self) -> Option<Self> {
        match self {
            Self::Gateway(route) => Some(Self::Other(route)),
            Self::GatewayOfTwo => Some(Self::OtherOfTwo),
            _ => None,
        }
    }

    /// Starts it on core 0, with two workers on both; where it listens, for whom speaks like this.
    pub(super) fn start(
        self,
        wire: Wire,
        options: &Options,
        upstream: &str,
        credentials: &Credentials,
    ) -> (Process, String) {
        let ours = env!("CARGO_BIN_EXE_bearergate");
        let other = options.other.as_deref().unwrap_or(ours);
        let (binary, route, workers) = match self {
            Self::Pingora | Self::PingoraVerifying => {
                let folder = credentials.folder.display().to_string();
                let checks = (self == Self::PingoraVerifying).to_string();
                return bare(&["bare-pingora", upstream, &folder, wire.name(), &checks]);
            }
            Self::Hyper => return bare(&["bare-hyper", upstream]),
            Self::Gateway(route) => (ours, route, 1),
            Self::Other(route) => (other, route, 1),
            Self::GatewayOfTwo => (ours, Route::Bearer, 2),
            Self::OtherOfTwo => (other, Route::Bearer, 2),
        };
        let address = free_address();
        let file = route.write(workers, (wire, &address), upstream, credentials);
        let log = std::fs::File::create(credentials.folder.join("access.log")).unwrap();
        let arguments = ["serve", "--config", &file.display().to_string()].map(str::to_owned);
        let cores = if workers == 1 { "0" } else { "0,1" };
        let process = Process::start(cores, OsStr::new(binary), &arguments, Stdio::from(log));
        wait_for(&address);
        (process, address)
    }
}

/// This very program in the role of a proxy.
fn bare(arguments: &[&str]) -> (Process, String) {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    let mut process = Process::role("0", &arguments);
    let address = process.line();
    (process, address)
}
