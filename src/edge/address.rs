//! Where does a listener accept? At an address and port, or at the path of a Unix socket, whose peers have no
//! address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv6Net};

/// As the file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(UnixAddress),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixAddress {
    /// Absolute, so that whoever has another working folder means the same.
    pub path: PathBuf,
    /// Who may connect: the file's permissions, as of chmod(1).
    pub mode: u32,
}

/// Stands for whoever connects to a Unix socket: no peer of a network has it.
pub(super) const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

impl Address {
    /// Whoever connects to a Unix socket, among networks that are trusted.
    pub fn local_peers() -> IpNet {
        Ipv6Net::from(Ipv6Addr::UNSPECIFIED).into()
    }

    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Whether both are one place, whoever may connect there.
    pub fn is_where(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(own), Self::Tcp(other)) => own == other,
            (Self::Unix(own), Self::Unix(other)) => own.path == other.path,
            _ => false,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(out),
            Self::Unix(unix) => write!(out, "unix:{}", unix.path.display()),
        }
    }
}
