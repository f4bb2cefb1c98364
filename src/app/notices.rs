//! What the system tells of folders: that something in them was written, replaced, linked or removed.
//! Linux tells by inotify; elsewhere, and where it cannot be had, files are looked at now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

#[cfg(target_os = "linux")]
pub(super) use linux::Notices;
#[cfg(not(target_os = "linux"))]
pub(super) use none::Notices;

/// In which folders something is waited for, and the names in each that are meant: what happens to
/// others there is nobody's news.
pub(super) type Places = BTreeMap<PathBuf, BTreeSet<OsString>>;

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, HashSet};
    use std::ffi::{CStr, OsStr};
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use tokio::io::unix::AsyncFd;

    use super::{BTreeSet, OsString, Places};

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
    /// Bytes of events that are read at a time.
    const ROOM: usize = 4096;

    pub(in crate::app) struct Notices {
        inotify: AsyncFd<OwnedFd>,
        incomplete: bool,
        /// By watch; `None`: whatever its name.
        meant: HashMap<i32, Option<BTreeSet<OsString>>>,
        /// What is meant, was written to and not closed: a watch, and a name in its folder.
        written: HashSet<(i32, OsString)>,
    }

    impl Notices {
        /// `None` where there can be none: they are looked for by hand then. Needs a tokio runtime.
        pub(in crate::app) fn of(places: &Places) -> Option<Self> {
            let made = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
            let made = made.and_then(|it| registered(it).map_err(|_| Errno::IO));
            let inotify = match made {
                Ok(inotify) => inotify,
                Err(why) => {
                    tracing::warn!(%why, "changes of files are seen late: there is no inotify");
                    return None;
                }
            };
            let mut notices = Self {
                inotify,
                incomplete: false,
                meant: HashMap::new(),
                written: HashSet::new(),
            };
            notices.mean(places);
            Some(notices)
        }

        /// The same folders, and other names in them.
        pub(in crate::app) fn mean(&mut self, places: &Places) {
            self.meant.clear();
            for (folder, names) in places {
                self.watch(folder, names);
            }
        }

        /// Watches a folder, or, where there is none, the nearest above it.
        fn watch(&mut self, folder: &Path, names: &BTreeSet<OsString>) {
            for (steps, folder) in folder.ancestors().enumerate() {
                match inotify::add_watch(self.inotify.get_ref(), folder, TOLD) {
                    Ok(watch) if steps == 0 => {
                        // Two ways may lead to one folder.
                        let known = self.meant.entry(watch);
                        if let Some(known) = known.or_insert_with(|| Some(BTreeSet::new())) {
                            known.extend(names.iter().cloned());
                        }
                        return;
                    }
                    Ok(watch) => {
                        self.meant.insert(watch, None);
                        break;
                    }
                    Err(Errno::NOENT | Errno::NOTDIR) => {}
                    Err(why) => {
                        let folder = folder.display();
                        tracing::warn!(%why, %folder, "changes of files in a folder are seen late");
                        return;
                    }
                }
            }
            self.incomplete = true;
        }

        /// Whether some folder is not watched, or no longer.
        pub(in crate::app) fn are_incomplete(&self) -> bool {
            self.incomplete
        }

        /// Whether something that is meant is being written: what is there now may be half of it.
        pub(in crate::app) fn are_of_half(&self) -> bool {
            !self.written.is_empty()
        }

        /// Waits until something has happened to what is meant, and takes note of it.
        pub(in crate::app) async fn next(&mut self) {
            loop {
                match self.inotify.readable().await {
                    // Before it is read: what comes from here on is told again.
                    Ok(mut ready) => ready.clear_ready(),
                    Err(_) => return std::future::pending().await,
                }
                if self.take() {
                    return;
                }
            }
        }

        /// Takes note of what has happened up to now. Whether anything has, to what is meant.
        pub(in crate::app) fn take(&mut self) -> bool {
            let mut room = [MaybeUninit::uninit(); ROOM];
            let mut events = Reader::new(self.inotify.get_ref(), &mut room);
            let mut any = false;
            loop {
                let event = match events.next() {
                    Ok(event) => event,
                    Err(Errno::INTR) => continue,
                    Err(_) => return any,
                };
                let (watch, what) = (event.wd(), event.events());
                let name = event.file_name().map(CStr::to_bytes).unwrap_or_default();
                let name = OsStr::from_bytes(name);
                self.incomplete |= what.intersects(LAST);
                let meant = self.meant.get(&watch).and_then(Option::as_ref);
                match meant {
                    Some(names) if names.contains(name) => {
                        let place = (watch, name.to_owned());
                        match what.contains(ReadFlags::MODIFY) {
                            true => self.written.insert(place),
                            // Closed, or another file by now.
                            false => self.written.remove(&place),
                        };
                    }
                    Some(_) if !name.is_empty() => continue,
                    // Of the folder itself, or of nobody knows whom: more than could be told.
                    Some(_) | None => {}
                }
                any = true;
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
}

#[cfg(not(target_os = "linux"))]
mod none {
    use super::Places;

    pub(in crate::app) enum Notices {}

    impl Notices {
        pub(in crate::app) fn of(_: &Places) -> Option<Self> {
            None
        }

        pub(in crate::app) fn mean(&mut self, _: &Places) {
            match *self {}
        }

        pub(in crate::app) fn are_incomplete(&self) -> bool {
            match *self {}
        }

        pub(in crate::app) fn are_of_half(&self) -> bool {
            match *self {}
        }

        pub(in crate::app) async fn next(&mut self) {
            match *self {}
        }

        pub(in crate::app) fn take(&mut self) -> bool {
            match *self {}
        }
    }
}
