//! What must never be shown? A secret is a type: redacted in every format, compared in constant
//! time, wiped when dropped. It comes from a file or a variable, never from the configuration.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// The most a secret file may hold; a certificate with its chain fits many times over.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A value that no log, error or `Debug` output may show.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Gives the value to the one who must use it. Never pass the result to a formatter.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[secret]")
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// A file; one trailing newline is dropped from text.
    File(PathBuf),
    Env(String),
}

impl SecretSource {
    /// Reads text: a client secret, a key, a passphrase.
    pub fn read_text(&self) -> Result<Secret<String>, SecretError> {
        let mut bytes = self.read()?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.is_empty() {
            return Err(SecretError::Empty(self.clone()));
        }
        if let Some(why) = slip(&bytes) {
            let place = self.clone();
            return Err(SecretError::Slip { place, why });
        }
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok(Secret::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(SecretError::NotText(self.clone()))
            }
        }
    }

    /// Reads bytes as they are: a PKCS#12 file, a PEM file.
    pub fn read_bytes(&self) -> Result<Secret<Vec<u8>>, SecretError> {
        let mut bytes = self.read()?;
        if bytes.is_empty() {
            return Err(SecretError::Empty(self.clone()));
        }
        Ok(Secret::new(std::mem::take(&mut *bytes)))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads secrets' variables"
    )]
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        match self {
            Self::File(path) => {
                let unreadable = |cause| SecretError::Unreadable(why_unreadable(path, &cause));
                let file = std::fs::File::open(path).map_err(unreadable)?;
                let announced = file.metadata().map_err(unreadable)?.len();
                // Room for all of it, so that growing leaves no copy behind.
                let room = usize::try_from(announced.min(LARGEST_FILE + 1)).unwrap_or_default() + 1;
                let mut bytes = Zeroizing::new(Vec::with_capacity(room));
                // A device or a pipe announces nothing, and may never end.
                file.take(LARGEST_FILE + 1)
                    .read_to_end(&mut bytes)
                    .map_err(unreadable)?;
                if bytes.len() as u64 > LARGEST_FILE {
                    return Err(SecretError::TooLarge(self.clone()));
                }
                Ok(bytes)
            }
            Self::Env(name) => match std::env::var(name) {
                Ok(value) => Ok(Zeroizing::new(value.into_bytes())),
                Err(std::env::VarError::NotPresent) => Err(SecretError::Unset(self.clone())),
                Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NotText(self.clone())),
            },
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "file {}", path.display()),
            Self::Env(name) => write!(out, "environment variable {name}"),
        }
    }
}

/// Why a secret could not be had. Names the place, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("{0} is not set")]
    Unset(SecretSource),
    #[error("{0}")]
    Unreadable(String),
    /// What an editor, a shell or a copy put into it, and no one wants in a secret.
    #[error("{place} {why}; no secret has that")]
    Slip {
        place: SecretSource,
        why: &'static str,
    },
    #[error("{0} is empty")]
    Empty(SecretSource),
    #[error("{0} is larger than 1 MiB, which no secret is")]
    TooLarge(SecretSource),
    #[error("{0} is not UTF-8 text")]
    NotText(SecretSource),
}

/// What was put into a secret by the way it was saved. Without a word it would be refused by whoever
/// it is shown to, and no log could say why.
fn slip(bytes: &[u8]) -> Option<&'static str> {
    if matches!(
        bytes,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, _, 0, ..]
    ) {
        return Some("is UTF-16");
    }
    if bytes.contains(&0) {
        return Some("has a NUL in it");
    }
    if bytes.starts_with("\u{feff}".as_bytes()) {
        return Some("begins with a byte order mark");
    }
    let text = std::str::from_utf8(bytes).ok()?;
    if text.ends_with('\n') {
        return Some("ends with a second newline");
    }
    if text.contains(['\n', '\r']) {
        return Some("has several lines");
    }
    let spaced = |edge: char| edge.is_whitespace() || matches!(edge, '\u{200b}' | '\u{feff}');
    (text.starts_with(spaced) || text.ends_with(spaced)).then_some("begins or ends with a space")
}

/// Why a file cannot be read, for whoever has to put it right: the folder that was looked in, and who
/// this process is.
pub(crate) fn why_unreadable(path: &Path, cause: &std::io::Error) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(&path);
    let shown = path.display();
    match cause.kind() {
        ErrorKind::NotFound if folder.is_dir() => {
            let name = path.file_name().unwrap_or_default();
            format!(
                "there is no file {} in {}",
                name.display(),
                folder.display()
            )
        }
        ErrorKind::NotFound => format!("there is no {shown}, and no folder {}", folder.display()),
        ErrorKind::PermissionDenied => {
            let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
            let about = std::fs::metadata(&path).map(|about| {
                let mode = about.mode() & 0o7777;
                format!(
                    "it is mode {mode:04o} of uid {}, gid {}",
                    about.uid(),
                    about.gid()
                )
            });
            let about = about.unwrap_or_else(|_| "a folder above it is closed".to_owned());
            format!("uid {uid}, gid {gid} may not read {shown}: {about}")
        }
        _ => format!("{shown}: {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_never_ends_is_too_large_and_a_folder_is_no_file() {
        let read = |path: &str| SecretSource::File(PathBuf::from(path)).read_bytes();
        assert!(matches!(read("/dev/zero"), Err(SecretError::TooLarge(_))));
        assert!(matches!(read("/dev/null"), Err(SecretError::Empty(_))));
        assert!(matches!(read("/tmp"), Err(SecretError::Unreadable { .. })));
        let shown = read("/nowhere/mail.secret").unwrap_err().to_string();
        assert_eq!(
            shown,
            "there is no /nowhere/mail.secret, and no folder /nowhere"
        );
        let shown = read("/dev/mail.secret").unwrap_err().to_string();
        assert_eq!(shown, "there is no file mail.secret in /dev");
        let refused = std::io::Error::from(ErrorKind::PermissionDenied);
        let shown = why_unreadable(Path::new("/dev/null"), &refused);
        let uid = rustix::process::geteuid();
        assert!(shown.starts_with(&format!("uid {uid}, gid ")), "{shown}");
        assert!(
            shown.ends_with("may not read /dev/null: it is mode 0666 of uid 0, gid 0"),
            "{shown}"
        );
    }

    #[test]
    fn what_an_editor_or_a_copy_leaves_in_a_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            SecretSource::File(path.clone()).read_text()
        };
        for (bytes, expected) in [
            (&b"p~w\xc3\xa4 q"[..], "p~w\u{e4} q"),
            (b"word\n", "word"),
            (b"word\r\n", "word"),
        ] {
            assert_eq!(read(bytes).unwrap().expose(), expected);
        }
        for (bytes, why) in [
            (&b"\xef\xbb\xbfword"[..], "byte order mark"),
            (b"\xff\xfew\0o\0", "UTF-16"),
            (b"w\0o\0r\0d\0", "UTF-16"),
            (b"wo\0rd", "NUL"),
            (b"word\n\n", "second newline"),
            (b"word\r\n\r\n", "second newline"),
            (b" word", "a space"),
            (b"word \n", "a space"),
            (b"word\t", "a space"),
            (b"word\xc2\xa0", "a space"),
            (b"word\nword", "several lines"),
            (b"\n\n", "second newline"),
        ] {
            let refused = read(bytes).unwrap_err().to_string();
            assert!(refused.contains(why), "{bytes:?}: {refused}");
            assert!(!refused.contains("word"), "{refused}");
        }
    }
}
