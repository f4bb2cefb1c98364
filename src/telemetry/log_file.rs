//! A file of lines that is moved away under us, as logrotate does: asked to, it is opened anew under its
//! name, between two batches of whole lines, so that none is lost and none is torn.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::OFlags;

/// For its owner to write and its group to read: lines tell who called what.
const MODE: u32 = 0o640;

/// Whether a file is to be opened anew.
pub(super) type Asked = Arc<AtomicBool>;

pub(super) struct LogFile {
    path: PathBuf,
    /// As it was at the start.
    links: Links,
    file: File,
    asked: Asked,
    /// The last byte that was written.
    last: u8,
    /// A write failed in the middle of a line, on a full disk: what comes next begins a line of its own.
    is_torn: bool,
}

impl LogFile {
    /// Appends to what is there, or makes it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let links = Links::at(path);
        Ok(Self {
            file: open(path, links)?,
            links,
            path: path.to_owned(),
            asked: Asked::default(),
            last: b'\n',
            is_torn: false,
        })
    }

    pub(super) fn asked(&self) -> Asked {
        Arc::clone(&self.asked)
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
            self.is_torn = false;
        }
        let written = self.file.write(bytes)?;
        if let Some(last) = bytes[..written].last() {
            self.last = *last;
        }
        Ok(written)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.write_some(bytes);
        let is_final = |why: &io::Error| why.kind() != io::ErrorKind::Interrupted;
        if written.as_ref().is_err_and(is_final) {
            self.is_torn = self.last != b'\n';
        }
        written
    }

    /// Behind each batch of lines, and when it was asked to open the file anew.
    fn flush(&mut self) -> io::Result<()> {
        if !self.asked.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let file = self.path.display();
        match open(&self.path, self.links) {
            Ok(new) => {
                self.file = new;
                (self.last, self.is_torn) = (b'\n', false);
                tracing::info!(%file, "access log opened anew");
            }
            Err(why) => {
                tracing::error!(%file, %why, "access log not opened anew; the old file goes on");
            }
        }
        Ok(())
    }
}

/// Whether the name may be that of a link.
///
/// SECURITY: who may write to the log's folder, and nowhere else, could have lines appended to any file of
/// ours by a link of its name. One that is there when the process begins is meant: `/dev/stdout` is one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Meant,
    Refused,
}

impl Links {
    fn at(path: &Path) -> Self {
        match path.symlink_metadata() {
            Ok(about) if about.file_type().is_symlink() => Self::Meant,
            _ => Self::Refused,
        }
    }
}

fn open(path: &Path, links: Links) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A pipe without a reader would be waited for.
    let mut flags = OFlags::NONBLOCK;
    if links == Links::Refused {
        flags |= OFlags::NOFOLLOW;
    }
    options.append(true).create(true).mode(MODE);
    let flags = flags.bits().cast_signed();
    let file = options.custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if !kind.is_file() && !kind.is_char_device() {
        return Err(io::Error::other("it is neither a file nor a device"));
    }
    Ok(file)
}

#[cfg(test)]
#[path = "log_file_tests.rs"]
mod tests;
