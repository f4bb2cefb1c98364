//! Which files is a configuration read from, and have they changed since? Each is looked at before it
//! is read: what is written meanwhile is a change, and nothing is overlooked.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::clock::UnixTime;

/// The configuration and what it names, each as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<PathBuf, Stamp>);

/// What a file was. Links are followed: where one points elsewhere, it is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// `None` where there was none that could be looked at.
    file: Option<Identity>,
    /// It had just been written: a second time could look the same, for file systems tell time by
    /// the tick of a clock.
    fresh: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Of the inode: also another owner or mode makes a file that could not be read readable.
    changed: (i64, i64),
}

impl Files {
    /// These, as they are now.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let mut files = Self::default();
        paths.into_iter().for_each(|path| files.note(path));
        files
    }

    /// Looks at a file that is about to be read.
    pub(super) fn note(&mut self, path: &Path) {
        if !self.0.contains_key(path) {
            self.0.insert(path.to_owned(), Stamp::of(path));
        }
    }

    /// Takes in those of `others` that are not among them.
    pub fn extend(&mut self, others: &Self) {
        for (path, stamp) in &others.0 {
            self.0.entry(path.clone()).or_insert(*stamp);
        }
    }

    /// The same files as they are now.
    pub fn again(&self) -> Self {
        Self::of(self.paths())
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Whether any differs from what it was.
    pub fn have_changed(&self) -> bool {
        self.0
            .iter()
            .any(|(path, stamp)| Stamp::of(path).file != stamp.file)
    }

    /// The same where something is known to have happened near them: what cannot be told apart by
    /// the clock counts as changed.
    pub fn may_have_changed(&self) -> bool {
        self.0.values().any(|stamp| stamp.fresh) || self.have_changed()
    }
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let now = UnixTime::now();
        let file = std::fs::metadata(path)
            .ok()
            .map(|about| Identity::of(&about));
        let fresh = file.is_some_and(|file| {
            let changed = u64::try_from(file.changed.0).unwrap_or_default();
            UnixTime::from_seconds(changed).until(now).as_secs() <= 1
        });
        Self { file, fresh }
    }
}

impl Identity {
    fn of(about: &Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
            size: about.size(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(path: &Path) -> Files {
        Files::of([path])
    }

    #[test]
    fn what_is_written_replaced_relinked_or_removed_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let missing = noted(&path);
        std::fs::write(&path, "one").unwrap();
        assert!(missing.have_changed());
        let written = noted(&path);
        assert!(!written.have_changed());
        assert!(written.may_have_changed(), "it was written just now");
        std::fs::write(&path, "three").unwrap();
        assert!(written.have_changed());
        let removed = noted(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(removed.have_changed());

        for name in ["a", "b"] {
            std::fs::write(folder.path().join(name), "same").unwrap();
        }
        std::os::unix::fs::symlink("a", &path).unwrap();
        let linked = noted(&path);
        assert!(!linked.have_changed());
        std::os::unix::fs::symlink("b", folder.path().join("new")).unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert!(linked.have_changed());
    }

    #[test]
    fn a_file_that_has_long_been_as_it_is_may_not_have_changed() {
        let (old, missing) = (Path::new("/"), Path::new("/nonexistent"));
        let mut files = noted(missing);
        assert!(!files.may_have_changed());
        files.extend(&noted(old));
        files.extend(&noted(old));
        assert_eq!(files.paths().collect::<Vec<_>>(), [old, missing]);
        assert!(!files.have_changed());
    }
}
