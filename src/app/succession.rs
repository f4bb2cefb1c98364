//! How does one process take the place of another without a caller who is refused? The older one passes
//! its listening sockets through a socket file; the younger one makes itself ready, accepts on them,
//! and says so; only then does the older one leave. They meet in a folder that is nobody else's.

use std::fs::DirBuilder;
use std::io::{self, Error, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::Inherited;

/// The most sockets that Linux passes at a time (`SCM_MAX_FD`).
const MOST: usize = 253;
/// What the older one says, its sockets beside it; the version of what follows.
const GREETING: &[u8] = b"bearergate sockets 1\n";
/// What the younger one says when it accepts.
const ACCEPTS: u8 = b'.';
/// How long the younger one may take: its keys and tokens are waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the older one may take to answer.
const PROMPT: Duration = Duration::from_secs(5);

/// Who served before, and still does.
pub struct Predecessor(UnixStream);

/// Where successors come to.
pub struct Succession {
    listener: UnixListener,
}

/// The folder where processes meet: of this user, and closed to others.
#[derive(Clone, Debug)]
pub struct MeetingPlace(PathBuf);

impl MeetingPlace {
    /// Makes the folder where there is none.
    ///
    /// # Errors
    /// Whoever can enter it could take the sockets.
    pub fn at(folder: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(why) if why.kind() != ErrorKind::AlreadyExists => return Err(why),
            _ => {}
        }
        let about = folder.symlink_metadata()?;
        let (mode, owner) = (about.mode() & 0o7777, about.uid());
        let own = rustix::process::geteuid().as_raw();
        let wrong = if !about.is_dir() {
            "it is no folder".to_owned()
        } else if owner != own {
            format!("it belongs to uid {owner}, and this process is uid {own}")
        } else if mode & 0o077 != 0 {
            format!("others may enter it, its mode is {mode:04o}; it must be 0700")
        } else {
            return Ok(Self(folder.to_owned()));
        };
        Err(Error::new(ErrorKind::PermissionDenied, wrong))
    }

    fn socket(&self) -> PathBuf {
        self.0.join("serve.sock")
    }

    /// Whoever serves now, and its sockets; `None` where nobody does. Needs a tokio runtime.
    pub async fn predecessor(&self) -> io::Result<Option<(Predecessor, Inherited)>> {
        let stream = match UnixStream::connect(self.socket()).await {
            Ok(stream) => stream,
            // Nobody was there, or nobody is any more.
            Err(why)
                if matches!(
                    why.kind(),
                    ErrorKind::NotFound | ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(why) => return Err(why),
        };
        is_own(&stream)?;
        let sockets = timeout(PROMPT, receive(&stream)).await??;
        Ok(Some((Predecessor(stream), Inherited::of(sockets)?)))
    }

    /// Waits for successors here from now on, in the place of whoever did. Needs a tokio runtime.
    pub fn succession(&self) -> io::Result<Succession> {
        let new = self.0.join(format!("serve.{}", std::process::id()));
        let _ = std::fs::remove_file(&new);
        let listener = UnixListener::bind(&new)?;
        std::fs::rename(new, self.socket())?;
        Ok(Succession { listener })
    }
}

impl Predecessor {
    /// Says that this process accepts: the other one may leave.
    pub async fn relieve(mut self) -> io::Result<()> {
        self.0.write_all(&[ACCEPTS]).await
    }
}

impl Succession {
    /// Waits until a successor has taken the sockets and accepts on them. One that fails before has
    /// changed nothing.
    pub async fn succeeded(&self, sockets: &[OwnedFd]) {
        loop {
            let succeeded = match self.listener.accept().await {
                Ok((stream, _)) => pass(stream, sockets).await,
                Err(why) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Err(why)
                }
            };
            match succeeded {
                Ok(()) => return,
                Err(why) => tracing::warn!(%why, "a successor came, and did not take over"),
            }
        }
    }
}

async fn pass(mut stream: UnixStream, sockets: &[OwnedFd]) -> io::Result<()> {
    is_own(&stream)?;
    tracing::info!(sockets = sockets.len(), "a successor takes over");
    send(&stream, sockets).await?;
    match timeout(PATIENCE, stream.read_u8()).await? {
        Ok(ACCEPTS) => Ok(()),
        Ok(_) => Err(Error::new(ErrorKind::InvalidData, "it said something else")),
        Err(why) => Err(why),
    }
}

/// SECURITY: nobody else can enter the folder; and who is at the other end is asked all the same.
fn is_own(stream: &UnixStream) -> io::Result<()> {
    let (theirs, own) = (
        stream.peer_cred()?.uid(),
        rustix::process::geteuid().as_raw(),
    );
    if theirs != own {
        let why = format!("the other process is of uid {theirs}, and this one of uid {own}");
        return Err(Error::new(ErrorKind::PermissionDenied, why));
    }
    Ok(())
}

async fn send(stream: &UnixStream, sockets: &[OwnedFd]) -> io::Result<()> {
    let sockets: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let once = || {
        let mut beside = SendAncillaryBuffer::new(&mut room);
        if !beside.push(SendAncillaryMessage::ScmRights(&sockets)) {
            let why = format!("no more than {MOST} sockets can be passed");
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let words = [IoSlice::new(GREETING)];
        Ok(sendmsg(stream, &words, &mut beside, SendFlags::NOSIGNAL)?)
    };
    stream.async_io(Interest::WRITABLE, once).await.map(|_| ())
}

async fn receive(stream: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let once = || {
        let mut words = [0; GREETING.len()];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut beside = RecvAncillaryBuffer::new(&mut room);
        let mut slices = [IoSliceMut::new(&mut words)];
        recvmsg(stream, &mut slices, &mut beside, RecvFlags::CMSG_CLOEXEC)?;
        let mut sockets = Vec::new();
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                sockets.extend(passed);
            }
        }
        match words == GREETING {
            true => Ok(sockets),
            false => Err(Error::new(
                ErrorKind::InvalidData,
                "whoever serves now speaks otherwise: it is of another version",
            )),
        }
    };
    stream.async_io(Interest::READABLE, once).await
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_folder_that_is_closed_to_others_will_do() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("meet");
        let refused = |path: &Path| MeetingPlace::at(path).unwrap_err().to_string();
        assert!(MeetingPlace::at(&folder).is_ok(), "it is made");
        assert!(MeetingPlace::at(&folder).is_ok(), "and found again");
        for mode in [0o750, 0o701, 0o777] {
            std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
            assert!(refused(&folder).contains("it must be 0700"), "{mode:o}");
        }
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
        let link = outer.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert_eq!(refused(&link), "it is no folder");
        assert!(MeetingPlace::at(Path::new("/nonexistent/meet")).is_err());
    }

    #[tokio::test]
    async fn a_successor_that_goes_away_changes_nothing_and_the_next_one_takes_over() {
        let outer = tempfile::tempdir().unwrap();
        let place = MeetingPlace::at(&outer.path().join("meet")).unwrap();
        assert!(place.predecessor().await.unwrap().is_none());
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let sockets = [OwnedFd::from(socket)];
        let succession = place.succession().unwrap();
        let younger = async {
            let (predecessor, mut inherited) = place.predecessor().await.unwrap().unwrap();
            assert_eq!(inherited.left(), [address.to_string()]);
            assert!(inherited.take(&address.into()).is_some());
            assert!(inherited.take(&address.into()).is_none());
            drop(predecessor);
            let (predecessor, inherited) = place.predecessor().await.unwrap().unwrap();
            let next = place.succession().unwrap();
            predecessor.relieve().await.unwrap();
            (next, inherited)
        };
        let ((), (_next, inherited)) = tokio::join!(succession.succeeded(&sockets), younger);
        assert_eq!(inherited.left().len(), 1);
    }

    #[tokio::test]
    async fn whoever_speaks_otherwise_is_not_taken_for_a_predecessor() {
        let outer = tempfile::tempdir().unwrap();
        let place = MeetingPlace::at(&outer.path().join("meet")).unwrap();
        let listener = UnixListener::bind(place.socket()).unwrap();
        let other = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&[b'x'; 21]).await.unwrap();
        };
        let (met, ()) = tokio::join!(place.predecessor(), other);
        let why = met.err().unwrap().to_string();
        assert!(why.contains("another version"), "{why}");
        drop(listener);
        assert!(
            place.predecessor().await.unwrap().is_none(),
            "a file alone is nobody"
        );
    }
}
