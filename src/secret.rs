//! What must never be shown? A secret is a type: redacted in every format, compared in constant
//! time, wiped when dropped. It comes from a file or a variable, never from the configuration.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;

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
                let unreadable = |cause| SecretError::Unreadable {
                    place: self.clone(),
                    cause,
                };
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
    #[error("{place}: {cause}")]
    Unreadable {
        place: SecretSource,
        cause: std::io::Error,
    },
    #[error("{0} is empty")]
    Empty(SecretSource),
    #[error("{0} is larger than 1 MiB, which no secret is")]
    TooLarge(SecretSource),
    #[error("{0} is not UTF-8 text")]
    NotText(SecretSource),
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
        assert!(
            shown.contains("/nowhere/mail.secret: No such file"),
            "{shown}"
        );
    }
}
