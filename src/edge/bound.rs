//! A listener's socket: bound by us before anything else, or by somebody else for us, and at last accepted on.

use std::fs::File;
use std::io::{self, Error, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net as unix;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, fchmod, flock};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, getsockname, listen,
    socket_with,
};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::address::{Address, LOCAL, UnixAddress};
use super::socket::{CallerSocket, Socket};

/// Connections the kernel may hold for us until we accept them.
const BACKLOG: u16 = 4096;

/// How often, and how long between, a folder's lock is tried: two seconds in all.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A socket that nobody accepts on yet.
#[derive(Debug)]
pub enum Bound {
    Tcp(std::net::TcpListener),
    Unix(unix::UnixListener),
}

/// A socket that connections are taken from.
#[derive(Debug)]
pub enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Bound {
    /// Binds a listener. An address that is taken is an error at once.
    pub fn at(address: &Address) -> io::Result<Self> {
        match address {
            // On Unix, std sets SO_REUSEADDR: a restart need not wait for old connections to time out.
            Address::Tcp(address) => std::net::TcpListener::bind(address).map(Self::Tcp),
            Address::Unix(address) => at_path(address).map(Self::Unix),
        }
    }

    /// Where it is bound. Of a Unix socket, the mode is not looked at.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(Address::Tcp),
            Self::Unix(socket) => {
                let address = socket.local_addr()?;
                let path = address.as_pathname();
                let path = path
                    .ok_or_else(|| Error::other("it has no path"))?
                    .to_owned();
                Ok(Address::Unix(UnixAddress { path, mode: 0 }))
            }
        }
    }

    /// The same socket once more, to be passed on.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(OwnedFd::from),
            Self::Unix(socket) => socket.try_clone().map(OwnedFd::from),
        }
    }

    /// Listens with a backlog that a burst of new connections does not overflow: std's is 128. Needs the
    /// runtime that will accept.
    pub fn listen(self) -> io::Result<Listening> {
        match self {
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                // The detour over `TcpStream` is the one way from a bound socket of std's to tokio's `listen`.
                let socket = std::net::TcpStream::from(OwnedFd::from(socket));
                let listener = TcpSocket::from_std_stream(socket).listen(BACKLOG.into())?;
                Ok(Listening::Tcp(listener))
            }
            Self::Unix(socket) => {
                socket.set_nonblocking(true)?;
                listen(&socket, BACKLOG.into())?;
                UnixListener::from_std(socket).map(Listening::Unix)
            }
        }
    }
}

/// One that somebody else has bound.
impl TryFrom<OwnedFd> for Bound {
    type Error = Error;

    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        match getsockname(&socket)?.address_family() {
            AddressFamily::INET | AddressFamily::INET6 => Ok(Self::Tcp(socket.into())),
            AddressFamily::UNIX => Ok(Self::Unix(socket.into())),
            _ => Err(Error::other("it is neither of TCP nor a Unix socket")),
        }
    }
}

impl Listening {
    /// The next connection, and whose it is.
    pub(super) async fn accept(&self) -> io::Result<(CallerSocket, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Socket::Plain(stream), peer))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(stream), LOCAL))
            }
        }
    }

    /// Where it is really bound: a port 0 has become one.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

fn at_path(address: &UnixAddress) -> io::Result<unix::UnixListener> {
    let UnixAddress { path, mode } = address;
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    // Between the look at what is there and the bind, nobody like us comes in between.
    lock(&folder);
    make_room(path)?;
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // SECURITY: Linux makes the file with no more than these permissions, so that there is no moment in
    // which others may connect; elsewhere they are set after the fact alone.
    let _ = fchmod(&socket, Mode::from_raw_mode(*mode));
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    // And with what the umask has taken of them.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode))?;
    listen(socket.as_fd(), BACKLOG.into())?;
    Ok(unix::UnixListener::from(socket))
}

/// Waits for others who bind in this folder, but not for good: whoever may read it may lock it.
#[allow(
    clippy::disallowed_methods,
    reason = "at start, when nobody is served yet"
)]
fn lock(folder: &File) {
    for _ in 0..LOCK_TRIES {
        match flock(folder, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
            Ok(()) | Err(_) => return,
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    tracing::warn!("somebody holds a lock on the folder of a Unix socket; it is not waited for");
}

/// Removes a socket that nobody listens on any more, as a process leaves it behind, and nothing else.
fn make_room(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(why),
        Ok(about) if !about.file_type().is_socket() => {
            let why = "there is something that is no socket, and stays";
            return Err(Error::new(ErrorKind::AlreadyExists, why));
        }
        Ok(_) => {}
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let probe = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&probe, &SocketAddrUnix::new(path)?) {
        Err(rustix::io::Errno::CONNREFUSED) => std::fs::remove_file(path),
        // It listens, whether or not there is room in its backlog.
        Ok(()) | Err(rustix::io::Errno::AGAIN) => Err(ErrorKind::AddrInUse.into()),
        Err(why) => Err(why.into()),
    }
}

#[cfg(test)]
#[path = "bound_tests.rs"]
mod tests;
