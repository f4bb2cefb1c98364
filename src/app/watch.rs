//! When is the configuration to be read again? When a file that it was read from has become another:
//! written, replaced, or linked elsewhere, as Kubernetes does it. Folders are watched, not files, for
//! most changes leave the file that was read as it is and put another in its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::notices::Notices;
use crate::config::Files;

/// After the last of several changes that come together, so long nothing must have happened.
const SETTLED: Duration = Duration::from_millis(25);
/// Whoever writes on and on is not waited for longer.
const RESTLESS: Duration = Duration::from_millis(500);
/// How often files are looked at of which nobody tells: on a network's file system, or past what
/// inotify may watch.
const LOOK: Duration = Duration::from_secs(match cfg!(target_os = "linux") {
    true => 10,
    false => 1,
});
/// No honest chain of links is longer.
const MOST_LINKS: usize = 40;

/// The files to be watched, and the folders in which it happens.
pub(super) struct Watch {
    files: Files,
    folders: BTreeSet<PathBuf>,
    notices: Option<Notices>,
}

impl Watch {
    /// Needs a tokio runtime.
    pub(super) fn over(files: Files) -> Self {
        let mut watch = Self {
            files: Files::default(),
            folders: BTreeSet::new(),
            notices: None,
        };
        watch.follow(files);
        watch
    }

    /// These are the files from now on.
    pub(super) fn follow(&mut self, files: Files) {
        self.files = files;
        self.look_where_they_are();
    }

    fn look_where_they_are(&mut self) {
        let folders = self.files.paths().flat_map(folders).collect();
        let broken = self.notices.as_ref().is_none_or(Notices::are_incomplete);
        if broken || folders != self.folders {
            self.notices = Notices::of(&folders);
            self.folders = folders;
        }
    }

    /// The same, and those of before: what could not be read whole may have named more.
    pub(super) fn follow_also(&mut self, mut files: Files) {
        files.extend(&self.files);
        self.follow(files);
    }

    /// Returns when one may have become another.
    pub(super) async fn changed(&mut self) {
        while !self.files.have_changed() {
            let noticed = match &mut self.notices {
                Some(notices) => timeout(LOOK, notices.next()).await.is_ok(),
                None => {
                    sleep(LOOK).await;
                    false
                }
            };
            if noticed {
                self.settled().await;
                // What happens from here on is told, or seen by the next look.
                self.look_where_they_are();
            }
            if self.files.may_have_changed() {
                return;
            }
        }
        self.settled().await;
    }

    /// Waits until nothing has happened for a moment.
    async fn settled(&mut self) {
        let Some(notices) = &mut self.notices else {
            return sleep(SETTLED).await;
        };
        let begin = Instant::now();
        while begin.elapsed() < RESTLESS && timeout(SETTLED, notices.next()).await.is_ok() {}
    }
}

/// The folders where it shows that a path means another file: its own, and those of the links it
/// goes by.
fn folders(path: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..MOST_LINKS {
        match first_link(&path) {
            Some((folder, meant)) => {
                folders.insert(folder);
                path = meant;
            }
            None => break,
        }
    }
    folders.extend(path.parent().map(Path::to_owned));
    folders
}

/// The folder of the first link on a way, and the way past it.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut walked = PathBuf::new();
    let mut parts = path.components();
    while let Some(part) = parts.next() {
        let folder = walked.clone();
        walked.push(part);
        if let Ok(target) = std::fs::read_link(&walked) {
            return Some((folder.clone(), folder.join(target).join(parts.as_path())));
        }
    }
    None
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
