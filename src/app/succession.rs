//! How does one process take the place of another without a caller who is refused? The older one passes
//! its listening sockets through a socket file; the younger one makes itself ready and says so; the older
//! one answers the first that does, and leaves. They meet in a folder that is nobody else's.

use std::fs::DirBuilder;
use std::io::{self, Error, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Inherited;

/// The most sockets that Linux passes at a time (`SCM_MAX_FD`).
const MOST: usize = 253;
/// What the older one says, its sockets beside it; the version of what follows.
const GREETING: &[u8] = b"bearergate sockets 1\n";
/// What the younger one says when it can serve, and the older one when it leaves that to it.
const READY: u8 = b'.';
/// What the older one says to the others.
const TAKEN: u8 = b'!';
/// How many may make themselves ready at a time.
const MOST_BESIDE: usize = 8;
/// How long the younger one may take: its keys and tokens are waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the older one may take to answer.
const PROMPT: Duration = Duration::from_secs(5);

/// Who served before, and still does.
pub struct Predecessor {
    stream: UnixStream,
    place: MeetingPlace,
}

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
        // SECURITY: behind a final slash the system follows a link.
        let folder: PathBuf = folder.components().collect();
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
            return Ok(Self(folder));
        };
        Err(Error::new(ErrorKind::PermissionDenied, wrong))
    }

    fn socket(&self) -> PathBuf {
        self.0.join("serve.sock")
    }

    /// Whoever serves now, and its sockets; `None` where nobody does. Needs a tokio runtime.
    pub async fn predecessor(&self) -> io::Result<Option<(Predecessor, Inherited)>> {
        let Some(stream) = self.met().await? else {
            return Ok(None);
        };
        is_own(&stream)?;
        let received = timeout(PROMPT, receive(&stream)).await;
        let sockets = received.map_err(|_| silent())??;
        let inherited = Inherited::of(sockets)?;
        let place = self.clone();
        Ok(Some((Predecessor { stream, place }, inherited)))
    }

    /// Whoever waits here for a successor.
    async fn met(&self) -> io::Result<Option<UnixStream>> {
        match UnixStream::connect(self.socket()).await {
            Ok(stream) => Ok(Some(stream)),
            // Nobody was there, or nobody is any more.
            Err(why)
                if matches!(
                    why.kind(),
                    ErrorKind::NotFound | ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(None)
            }
            Err(why) => Err(why),
        }
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
    /// Says that this process can serve, and returns when that is left to it.
    ///
    /// # Errors
    /// Another one was faster, and serves. One that is gone without a successor needs no relief.
    pub async fn relieve(mut self) -> io::Result<()> {
        let answered = async {
            // What it said last can be read also where it hears nothing any more.
            let _ = self.stream.write_all(&[READY]).await;
            self.stream.read_u8().await
        };
        let is_taken = match timeout(PROMPT, answered).await {
            Ok(Ok(READY)) => return Ok(()),
            Ok(Ok(_)) => true,
            Ok(Err(_)) => self.place.met().await?.is_some(),
            Err(_) => return Err(silent()),
        };
        match is_taken {
            false => Ok(()),
            true => {
                let why = "another process serves there: it was ready before this one";
                Err(Error::new(ErrorKind::AlreadyExists, why))
            }
        }
    }
}

fn silent() -> Error {
    let why = format!("it has not answered within {PROMPT:?}");
    Error::new(ErrorKind::TimedOut, why)
}

impl Succession {
    /// Waits until a successor has taken the sockets and can serve. One that fails before has changed
    /// nothing, and keeps no other one waiting.
    pub async fn succeeded(&self, sockets: &[OwnedFd]) {
        let mut beside = FuturesUnordered::new();
        let (taken, is_taken) = watch::channel(false);
        loop {
            let came = tokio::select! {
                came = self.listener.accept(), if beside.len() < MOST_BESIDE => came,
                Some(passed) = beside.next() => match passed {
                    Ok(()) => break,
                    Err(why) => Err(why),
                },
            };
            match came {
                Ok((stream, _)) => beside.push(pass(stream, sockets, is_taken.clone())),
                Err(why) => {
                    tracing::warn!(%why, "a successor came, and did not take over");
                    // It may be that none can come: then there is no hurry.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        taken.send_replace(true);
        let told = async { while beside.next().await.is_some() {} };
        let _ = timeout(PROMPT, told).await;
    }
}

async fn pass(
    mut stream: UnixStream,
    sockets: &[OwnedFd],
    mut is_taken: watch::Receiver<bool>,
) -> io::Result<()> {
    is_own(&stream)?;
    tracing::info!(sockets = sockets.len(), "a successor takes over");
    send(&stream, sockets).await?;
    let said = tokio::select! {
        biased;
        _ = is_taken.wait_for(|is_taken| *is_taken) => return stream.write_all(&[TAKEN]).await,
        said = timeout(PATIENCE, stream.read_u8()) => said?,
    };
    match said {
        Ok(READY) => stream.write_all(&[READY]).await,
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
#[path = "succession_tests.rs"]
mod tests;
