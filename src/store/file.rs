//! What does a restart find? One file of this process, mode 0600, replaced whole by each change. What is
//! in it is sealed; what it cannot use, another key's or another format's, it ignores, says, and
//! overwrites.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use parking_lot::Mutex;
use rustix::fs::OFlags;

use super::figures::{Doing, Figures, Place, StoreStatus};
use super::redis::Entry;
use super::sealing::{Name, Sealer};
use crate::clock::UnixTime;

/// The first line, before the check of the key.
const FORMAT: &str = "bearergate state 1 ";
/// The most that is kept, and the most that is read.
const MOST_ENTRIES: usize = 1000;
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

type Entries = BTreeMap<Name, (UnixTime, Vec<u8>)>;

pub(super) struct StateFile {
    path: PathBuf,
    first_line: String,
    state: Mutex<State>,
    pub(super) figures: Figures,
}

#[derive(Default)]
struct State {
    entries: Entries,
    /// Something has changed since it was last written.
    is_dirty: bool,
    /// A thread writes it.
    is_writing: bool,
    failure: Option<String>,
}

impl StateFile {
    /// Reads what is there. Whatever that is, this works.
    pub(super) fn open(
        path: &Path,
        sealer: &Sealer,
        now: UnixTime,
    ) -> Result<Arc<Self>, ErrorStack> {
        let first_line = format!("{FORMAT}{}", sealer.name(&[b"the check of the key"])?);
        let entries = match entries(path, &first_line) {
            Ok(entries) => entries,
            Err(why) => {
                let path = path.display();
                tracing::warn!(file = %path, why, "the state file is ignored, and will be overwritten");
                Entries::new()
            }
        };
        let alive = entries.into_iter().filter(|(_, (until, _))| *until > now);
        let entries: Entries = alive.take(MOST_ENTRIES).collect();
        tracing::info!(file = %path.display(), tokens = entries.len(), "state file read");
        let state = State {
            entries,
            ..State::default()
        };
        Ok(Arc::new(Self {
            path: path.to_owned(),
            first_line,
            state: Mutex::new(state),
            figures: Figures::default(),
        }))
    }

    pub(super) fn read(&self, names: &[Name]) -> Vec<Entry> {
        let state = self.state.lock();
        let entries = names.iter().filter_map(|name| {
            let (until, sealed) = state.entries.get(name)?;
            Some((*name, *until, sealed.clone()))
        });
        entries.collect()
    }

    pub(super) fn keep(
        self: &Arc<Self>,
        name: Name,
        until: UnixTime,
        sealed: Vec<u8>,
        now: UnixTime,
    ) {
        let mut state = self.state.lock();
        let known = state.entries.get(&name);
        let is_there = known.is_some_and(|(_, known)| *known == sealed);
        if is_there && state.failure.is_none() {
            return;
        }
        state.entries.retain(|_, (until, _)| *until > now);
        state.entries.insert(name, (until, sealed));
        while state.entries.len() > MOST_ENTRIES {
            let first = state.entries.iter().min_by_key(|(_, (until, _))| *until);
            let first = first.map(|(name, _)| *name);
            first.map(|name| state.entries.remove(&name));
        }
        self.figures.count(Doing::Kept);
        self.write_soon(&mut state);
    }

    pub(super) fn forget(self: &Arc<Self>, names: &[Name]) {
        let mut state = self.state.lock();
        for name in names {
            state.entries.remove(name);
        }
        self.write_soon(&mut state);
    }

    pub(super) fn status(&self) -> StoreStatus {
        StoreStatus {
            place: Place::File,
            at: self.path.display().to_string(),
            failure: self.state.lock().failure.clone(),
            counts: self.figures.counts(),
        }
    }

    /// Has it written by a thread that may wait for a disk: one at a time, and what changes meanwhile
    /// right after.
    fn write_soon(self: &Arc<Self>, state: &mut State) {
        state.is_dirty = true;
        if state.is_writing {
            return;
        }
        state.is_writing = true;
        let file = Arc::clone(self);
        tokio::task::spawn_blocking(move || file.write_what_changed());
    }

    fn write_what_changed(&self) {
        loop {
            let text = {
                let mut state = self.state.lock();
                if !state.is_dirty {
                    state.is_writing = false;
                    return;
                }
                state.is_dirty = false;
                self.text(&state.entries)
            };
            let failure = replace(&self.path, text.as_bytes()).err();
            let failure = failure.map(|why| why.to_string());
            let mut state = self.state.lock();
            if let Some(why) = &failure {
                self.figures.count(Doing::Failed);
                if state.failure != failure {
                    let path = self.path.display();
                    tracing::warn!(file = %path, why, "the state file cannot be written; a restart starts without tokens");
                }
            }
            state.failure = failure;
        }
    }

    fn text(&self, entries: &Entries) -> String {
        let mut text = format!("{}\n", self.first_line);
        for (name, (until, sealed)) in entries {
            // Writing to a text does not fail.
            let _ = writeln!(
                text,
                "{name} {} {}",
                until.seconds(),
                STANDARD.encode(sealed)
            );
        }
        text
    }
}

/// Those of the file; none where there is no file.
fn entries(path: &Path, first_line: &str) -> Result<Entries, String> {
    let text = match text(path) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Entries::new()),
        Err(why) => return Err(why),
    };
    let mut lines = text.lines();
    match lines.next() {
        Some(line) if line == first_line => {}
        Some(line) if line.starts_with(FORMAT) => {
            return Err("it was written with another `state.key`".to_owned());
        }
        _ => return Err("it is none of this format".to_owned()),
    }
    let entries = lines.map(|line| {
        let mut words = line.split(' ');
        let name = Name::parse(words.next()?)?;
        let until = UnixTime::from_seconds(words.next()?.parse().ok()?);
        let sealed = STANDARD.decode(words.next()?).ok()?;
        words.next().is_none().then_some((name, (until, sealed)))
    });
    let entries: Option<Entries> = entries.collect();
    entries.ok_or_else(|| "it is damaged".to_owned())
}

/// SECURITY: whoever else may write it could only take tokens away, for they are sealed; but where
/// others may, something is wrong that somebody should know of.
fn text(path: &Path) -> Result<Option<String>, String> {
    // No waiting for a pipe's other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) if why.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err("it is a symbolic link".to_owned());
        }
        Err(why) => return Err(why.to_string()),
    };
    let about = file.metadata().map_err(|why| why.to_string())?;
    let (mode, owner) = (about.mode() & 0o7777, about.uid());
    let user = rustix::process::geteuid().as_raw();
    if !about.is_file() {
        return Err("it is no file".to_owned());
    } else if owner != user {
        return Err(format!(
            "it is of uid {owner}, and this process of uid {user}"
        ));
    } else if mode & 0o077 != 0 {
        return Err(format!(
            "it is mode {mode:04o}: others than its owner may use it"
        ));
    }
    let mut text = String::new();
    let read = file.take(LARGEST_FILE + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length as u64 <= LARGEST_FILE => Ok(Some(text)),
        Ok(_) => Err("it is larger than 64 MiB".to_owned()),
        Err(_) => Err("it is none of this format".to_owned()),
    }
}

/// Either the old file or the new one is there at any moment, whole.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    // One that a process left behind that was killed here.
    match fs::remove_file(&new) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let written = write(&new, bytes).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
