//! New files that never replace others unasked; those that hold a secret are their owner's alone
//! from the moment they exist.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use uuid::Uuid;
use zeroize::Zeroizing;

pub(super) struct NewFile {
    pub(super) path: PathBuf,
    /// What it is, for the summary.
    pub(super) purpose: &'static str,
    /// Whether only its owner may read it.
    pub(super) secret: bool,
    /// What goes in.
    pub(super) content: Zeroizing<Vec<u8>>,
}

/// Refuses when any of these is there already.
pub(super) fn ensure_absent(paths: impl Iterator<Item = PathBuf>) -> anyhow::Result<()> {
    let present: Vec<String> = paths
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    anyhow::ensure!(
        present.is_empty(),
        "already there: {}; give --force to replace, or another --name or --out",
        present.join(", ")
    );
    Ok(())
}

/// Writes all of them. Unless they replace others, either all are there afterwards or none.
pub(super) fn write_all(files: &[NewFile], force: bool) -> anyhow::Result<()> {
    for (index, file) in files.iter().enumerate() {
        let written = if force { file.replace() } else { file.create() };
        if let Err(error) = written {
            if !force {
                for earlier in &files[..index] {
                    let _ = std::fs::remove_file(&earlier.path);
                }
            }
            return Err(error).with_context(|| format!("cannot write {}", file.path.display()));
        }
    }
    Ok(())
}

impl NewFile {
    fn create(&self) -> io::Result<()> {
        self.write_new(&self.path)
    }

    /// Through a new file beside it: a file that is opened to be overwritten keeps its old mode.
    fn replace(&self) -> io::Result<()> {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".{}", Uuid::new_v4().simple()));
        let beside = self.path.with_file_name(name);
        self.write_new(&beside)?;
        std::fs::rename(&beside, &self.path).inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let mode = if self.secret { 0o600 } else { 0o644 };
        let mut file: File = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        let written = file.write_all(&self.content).and_then(|()| file.sync_all());
        written.inspect_err(|_| {
            let _ = std::fs::remove_file(path);
        })
    }
}
