//! Where a listener accepts, who may connect there, and which proxies are believed.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::edge::Address;
use crate::located::{Form, Scalar, Wrong, shown};

/// An address and port, or the path of a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum ListenAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Permissions of a file, as chmod(1) takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct FileMode(pub(in crate::config) u32);

/// A network, or whoever connects to the listener's Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum TrustedProxy {
    Network(IpNet),
    Unix,
}

const UNIX: &str = "unix:";

impl Scalar for ListenAddress {
    const EXPECTED: &str = "an address and port, such as `127.0.0.1:8080` or `[::1]:8080`, or a Unix socket, such as `unix:/run/bearergate/apis.sock`";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^(unix:[^@].*|.+:[0-9]{1,5})$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let Some(path) = text.strip_prefix(UNIX) else {
            let as_path = || format!("for a Unix socket write `{UNIX}{}`", shown(text));
            return match text.starts_with('/') {
                true => Err(Wrong::but(Some(as_path()))),
                false => SocketAddr::parse(text).map(Self::Tcp),
            };
        };
        let rest = path.trim_start_matches('/');
        if path.starts_with("//") {
            let meant = format!("write `{UNIX}/{}`", shown(rest));
            Err(Wrong::but(Some(meant)))
        } else if path.starts_with('@') {
            let why = "a Unix socket without a file has no permissions: any user could connect";
            Err(Wrong::because(why).hint("name a path"))
        } else if rest.is_empty() || path.ends_with('/') || path.contains('\0') {
            Err(Wrong::default())
        } else {
            Ok(Self::Unix(path.into()))
        }
    }
}

impl Scalar for FileMode {
    const EXPECTED: &str = "permissions such as `0660`, four octal digits";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^0[0-7]{3}$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let is_octal = digits.len() <= 4 && digits.bytes().all(|it| matches!(it, b'0'..=b'7'));
        let mode = u32::from_str_radix(digits, 8).ok().filter(|_| is_octal);
        match mode.filter(|mode| *mode <= 0o777) {
            Some(mode) if text == format!("{mode:04o}") => Ok(Self(mode)),
            meant => Err(Wrong::but(meant.map(|mode| format!("write `{mode:04o}`")))),
        }
    }
}

impl Scalar for TrustedProxy {
    const EXPECTED: &str = "a network such as `10.0.0.0/8` or `fd00::/8`, or `unix`";
    const PATTERN: &str = "^(unix|[0-9A-Fa-f.:]+/[0-9]{1,3})$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "unix" => Ok(Self::Unix),
            network => IpNet::parse(network).map(Self::Network),
        }
    }

    fn described() -> Json {
        json!({ "type": "string", "pattern": Self::PATTERN })
    }
}

impl TrustedProxy {
    pub(in crate::config) fn network(self) -> IpNet {
        match self {
            Self::Network(network) => network,
            Self::Unix => Address::local_peers(),
        }
    }
}
