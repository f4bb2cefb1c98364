//! What the system tells of folders: that something in them was written, replaced, linked or removed.
//! Linux tells by inotify; elsewhere, and where it cannot be had, files are looked at now and then.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

#[cfg(target_os = "linux")]
pub(super) use linux::Notices;
#[cfg(not(target_os = "linux"))]
pub(super) use none::Notices;

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{CStr, OsStr};
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use tokio::io::unix::AsyncFd;

    use super::{BTreeSet, OsString, PathBuf};

    const TOLD: WatchFlags = WatchFlags::CLOSE_WRITE
        .union(WatchFlags::MODIFY)
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
    /// How many files that are being written are told apart.
    const MOST_WRITTEN: usize = 1024;
    /// Bytes of events that are read at a time.
    const ROOM: usize = 4096;

    pub(in crate::app) struct Notices {
        inotify: AsyncFd<OwnedFd>,
        incomplete: bool,
        /// What was written to and not closed: a watch, and a name in its folder.
        written: BTreeSet<(i32, Vec<u8>)>,
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
                written: BTreeSet::new(),
            })
        }

        /// Whether some folder is not watched, or no longer.
        pub(in crate::app) fn are_incomplete(&self) -> bool {
            self.incomplete
        }

        /// Whether one of these is being written: what is there now may be half of it.
        pub(in crate::app) fn are_of_half(&self, names: &BTreeSet<OsString>) -> bool {
            let name = |written: &(i32, Vec<u8>)| names.contains(OsStr::from_bytes(&written.1));
            self.written.iter().any(name)
        }

        /// Waits until something has happened, and takes note of it.
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
                            let what = event.events();
                            self.incomplete |= what.intersects(LAST);
                            let name = event.file_name().map(CStr::to_bytes).unwrap_or_default();
                            let place = (event.wd(), name.to_owned());
                            if !what.contains(ReadFlags::MODIFY) {
                                // Closed, or another file by now.
                                self.written.remove(&place);
                            } else if self.written.len() < MOST_WRITTEN {
                                self.written.insert(place);
                            }
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
    use super::{BTreeSet, OsString, PathBuf};

    pub(in crate::app) enum Notices {}

    impl Notices {
        pub(in crate::app) fn of(_: &BTreeSet<PathBuf>) -> Option<Self> {
            None
        }

        pub(in crate::app) fn are_incomplete(&self) -> bool {
            match *self {}
        }

        pub(in crate::app) fn are_of_half(&self, _: &BTreeSet<OsString>) -> bool {
            match *self {}
        }

        pub(in crate::app) async fn next(&mut self) {
            match *self {}
        }
    }
}
