//! What the system tells of folders: that something in them was written, replaced, linked or removed.
//! Linux tells by inotify; elsewhere, and where it cannot be had, files are looked at now and then.

use std::collections::BTreeSet;
use std::path::PathBuf;

#[cfg(target_os = "linux")]
pub(super) use linux::Notices;
#[cfg(not(target_os = "linux"))]
pub(super) use none::Notices;

#[cfg(target_os = "linux")]
mod linux {
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use tokio::io::unix::AsyncFd;

    use super::{BTreeSet, PathBuf};

    /// Writing is told when it has ended: a file half written is nobody's news.
    const TOLD: WatchFlags = WatchFlags::CLOSE_WRITE
        .union(WatchFlags::CREATE)
        .union(WatchFlags::MOVE)
        .union(WatchFlags::DELETE)
        .union(WatchFlags::ATTRIB)
        .union(WatchFlags::DELETE_SELF)
        .union(WatchFlags::MOVE_SELF)
        .union(WatchFlags::ONLYDIR);
    /// A folder that is gone tells nothing more.
    const LAST: ReadFlags = ReadFlags::IGNORED
        .union(ReadFlags::DELETE_SELF)
        .union(ReadFlags::MOVE_SELF)
        .union(ReadFlags::UNMOUNT);
    /// Bytes of events that are read at a time.
    const ROOM: usize = 4096;

    pub(in crate::app) struct Notices {
        inotify: AsyncFd<OwnedFd>,
        incomplete: bool,
    }

    impl Notices {
        /// `None` where there can be none: they are looked for by hand then. Needs a tokio runtime.
        pub(in crate::app) fn of(folders: &BTreeSet<PathBuf>) -> Option<Self> {
            let made = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
            let made = made.and_then(|it| registered(it).map_err(|_| Errno::IO));
            let inotify = match made {
                Ok(inotify) => inotify,
                Err(why) => {
                    tracing::warn!(%why, "changes of files are seen late: there is no inotify");
                    return None;
                }
            };
            let mut incomplete = false;
            for folder in folders {
                incomplete |= !watch(&inotify, folder);
            }
            Some(Self {
                inotify,
                incomplete,
            })
        }

        /// Whether some folder is not watched, or no longer.
        pub(in crate::app) fn are_incomplete(&self) -> bool {
            self.incomplete
        }

        /// Waits until something has happened, and forgets it.
        pub(in crate::app) async fn next(&mut self) {
            loop {
                let Ok(mut ready) = self.inotify.readable().await else {
                    return std::future::pending().await;
                };
                let mut room = [MaybeUninit::uninit(); ROOM];
                let mut events = Reader::new(self.inotify.get_ref(), &mut room);
                let mut any = false;
                loop {
                    match events.next() {
                        Ok(event) => {
                            any = true;
                            self.incomplete |= event.events().intersects(LAST);
                        }
                        Err(Errno::INTR) => {}
                        Err(_) => break,
                    }
                }
                ready.clear_ready();
                if any {
                    return;
                }
            }
        }
    }

    #[allow(
        deprecated,
        reason = "unsound only for what may name another descriptor later; an `OwnedFd` names its own"
    )]
    fn registered(inotify: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
        AsyncFd::new(inotify)
    }

    /// Watches a folder, or, where there is none, the nearest above it.
    fn watch(inotify: &AsyncFd<OwnedFd>, folder: &Path) -> bool {
        for (steps, folder) in folder.ancestors().enumerate() {
            match inotify::add_watch(inotify.get_ref(), folder, TOLD) {
                Ok(_) => return steps == 0,
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(why) => {
                    let folder = folder.display();
                    tracing::warn!(%why, %folder, "changes of files in a folder are seen late");
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use super::{BTreeSet, PathBuf};

    pub(in crate::app) enum Notices {}

    impl Notices {
        pub(in crate::app) fn of(_: &BTreeSet<PathBuf>) -> Option<Self> {
            None
        }

        pub(in crate::app) fn are_incomplete(&self) -> bool {
            match *self {}
        }

        pub(in crate::app) async fn next(&mut self) {
            match *self {}
        }
    }
}
