//! When is the configuration to be read again? When a file that it was read from has become another:
//! written, replaced, or linked elsewhere, as Kubernetes does it. Folders are watched, not files, for
//! most changes leave the file that was read as it is and put another in its place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::notices::{Notices, Places};
use crate::config::Files;

/// After the last of several changes that come together, so long nothing must have happened.
const SETTLED: Duration = Duration::from_millis(10);
/// Whoever changes them on and on is not waited for longer: what was revoked is to be refused.
const RESTLESS: Duration = Duration::from_millis(50);
/// How often files are looked at of which nobody tells: on a network's file system, or past what
/// inotify may watch.
const LOOK: Duration = Duration::from_secs(match cfg!(target_os = "linux") {
    true => 10,
    false => 1,
});
/// No honest chain of links is longer.
const MOST_LINKS: usize = 40;

/// What nobody tells of has ended when it has not changed for so long.
const STANDS: Duration = Duration::from_secs(1);
/// Whoever begins to write a file and does not end is waited for so long.
const HALF_WRITTEN: Duration = Duration::from_secs(10);

/// The files to be watched, and where it happens.
pub(super) struct Watch {
    files: Files,
    places: Places,
    notices: Option<Notices>,
}

impl Watch {
    /// Needs a tokio runtime.
    pub(super) fn over(files: Files) -> Self {
        let mut watch = Self {
            files: Files::default(),
            places: Places::default(),
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
        let mut places = Places::new();
        self.files.paths().for_each(|path| add(&mut places, path));
        let same_folders = places.keys().eq(self.places.keys());
        match &mut self.notices {
            Some(notices) if same_folders && !notices.are_incomplete() => {
                if places != self.places {
                    notices.mean(&places);
                }
            }
            _ => self.notices = Notices::of(&places),
        }
        self.places = places;
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
            } else if self.files.have_changed() {
                self.stands().await;
            }
            if self.files.may_have_changed() {
                return;
            }
        }
        self.settled().await;
    }

    /// Whether one of them is being written now.
    pub(super) fn is_half_written(&mut self) -> bool {
        let Some(notices) = &mut self.notices else {
            return false;
        };
        // SECURITY: read, and not waited for: the runtime may not have heard of it yet.
        notices.take();
        notices.are_of_half()
    }

    /// Waits until they stand still, where nobody tells when who writes them has ended.
    async fn stands(&self) {
        let begin = Instant::now();
        let mut seen = self.files.again();
        while begin.elapsed() < HALF_WRITTEN {
            sleep(STANDS).await;
            if !seen.have_changed() {
                return;
            }
            seen = self.files.again();
        }
    }

    /// Waits until nothing has happened for a moment.
    async fn settled(&mut self) {
        let Some(notices) = &mut self.notices else {
            return sleep(SETTLED).await;
        };
        let begin = Instant::now();
        loop {
            // SECURITY: half a file may be valid, and say less than the whole: of who may not come in, too.
            let half = notices.are_of_half();
            let (most, quiet) = match half {
                true => (HALF_WRITTEN, HALF_WRITTEN),
                false => (RESTLESS, SETTLED),
            };
            let left = most.saturating_sub(begin.elapsed());
            if left.is_zero() || timeout(quiet.min(left), notices.next()).await.is_err() {
                return;
            }
        }
    }
}

/// Where it shows that a path means another file than before: at the file, and at each link on the way
/// to it.
fn add(places: &mut Places, path: &Path) {
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..MOST_LINKS {
        match first_link(&path) {
            Some((link, meant)) => {
                note(places, &link);
                path = meant;
            }
            None => break,
        }
    }
    note(places, &path);
}

fn note(places: &mut Places, path: &Path) {
    if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
        let names = places.entry(folder.to_owned()).or_default();
        names.insert(name.to_owned());
    }
}

/// The first link on a way, and the way past it.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut walked = PathBuf::new();
    let mut parts = path.components();
    while let Some(part) = parts.next() {
        let folder = walked.clone();
        walked.push(part);
        if let Ok(target) = std::fs::read_link(&walked) {
            let meant = folder.join(target).join(parts.as_path());
            return Some((walked, meant));
        }
    }
    None
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
