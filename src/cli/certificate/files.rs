//! New files that never replace others unasked; those that hold a secret are their owner's alone
//! from the moment they exist.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeroize::Zeroizing;

pub(in crate::cli) struct NewFile {
    pub(in crate::cli) path: PathBuf,
    /// What it is, for the summary.
    pub(in crate::cli) purpose: &'static str,
    /// Only its owner may read it.
    pub(in crate::cli) secret: bool,
    pub(in crate::cli) content: Zeroizing<Vec<u8>>,
}

pub(in crate::cli) fn ensure_absent(paths: impl Iterator<Item = PathBuf>) -> anyhow::Result<()> {
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
pub(in crate::cli) fn write_all(files: &[NewFile], force: bool) -> anyhow::Result<()> {
    for (index, file) in files.iter().enumerate() {
        if let Err(error) = file.write(force) {
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
    /// Through a new file beside it: a file that is opened to be overwritten keeps its old mode.
    fn write(&self, force: bool) -> io::Result<()> {
        let mode = if self.secret { 0o600 } else { 0o644 };
        let mut file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(self.path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(&self.content)?;
        file.as_file().sync_all()?;
        if force {
            file.persist(&self.path)?;
        } else {
            file.persist_noclobber(&self.path)?;
        }
        Ok(())
    }
}
