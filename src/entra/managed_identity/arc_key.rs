//! Which file does Azure Arc's agent want to see? It answers with a path that only this machine's
//! administrators, and members of the group `himds`, can read; what stands there is shown to it.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use http::header::{HeaderMap, WWW_AUTHENTICATE};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The largest that a key may be.
const LARGEST: usize = 4096;

/// Why none is shown. Names the path where the agent may have named it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    #[error("the agent's 401 names no key: expected one `WWW-Authenticate: Basic realm=…`")]
    NoChallenge,
    // SECURITY: whoever answers in the agent's place could have any file of ours sent to it.
    #[error("the agent wants to see a file that is no key in {}; nothing was shown", .0.display())]
    Elsewhere(PathBuf),
    #[error("the key {} is larger than 4096 bytes", .0.display())]
    TooLarge(PathBuf),
    #[error("the key {} is no text", .0.display())]
    NotText(PathBuf),
    #[error("the key {} cannot be read: {cause}{}", path.display(), advice(*cause))]
    Unreadable { path: PathBuf, cause: ErrorKind },
}

fn advice(cause: ErrorKind) -> &'static str {
    match cause {
        ErrorKind::PermissionDenied => "; make this process's user a member of the group himds",
        _ => "",
    }
}

/// Reads the key that a challenge names, where it is one of `folder`.
pub(super) fn key(challenge: &HeaderMap, folder: &Path) -> Result<Secret<String>, KeyError> {
    let path = named(challenge)?;
    let path = Path::new(path);
    let is_key = path.extension().is_some_and(|it| it == "key");
    if path.parent() != Some(folder) || !is_key {
        return Err(KeyError::Elsewhere(folder.to_owned()));
    }
    let unreadable = |cause: std::io::Error| match cause.raw_os_error() {
        // SECURITY: a link leads elsewhere.
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
            KeyError::Elsewhere(folder.to_owned())
        }
        _ => KeyError::Unreadable {
            path: path.to_owned(),
            cause: cause.kind(),
        },
    };
    // Nothing waits for a pipe's other end.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(KeyError::Elsewhere(folder.to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    file.take(LARGEST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > LARGEST {
        return Err(KeyError::TooLarge(path.to_owned()));
    }
    let text = std::str::from_utf8(&bytes).map(str::trim).ok();
    let text = text.filter(|text| !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic()));
    let text = text.ok_or_else(|| KeyError::NotText(path.to_owned()))?;
    Ok(Secret::new(text.to_owned()))
}

/// The path in the one `Basic realm=…` that the agent challenges with (RFC 9110 §11.6.1).
fn named(challenge: &HeaderMap) -> Result<&str, KeyError> {
    let fields = challenge.get_all(WWW_AUTHENTICATE).iter();
    let mut realms = fields.filter_map(|field| {
        let (scheme, rest) = field.to_str().ok()?.trim().split_once(' ')?;
        let (name, realm) = rest.trim_start().split_once('=')?;
        let is_realm = name.trim().eq_ignore_ascii_case("realm");
        (scheme.eq_ignore_ascii_case("basic") && is_realm).then_some(realm.trim())
    });
    match (realms.next(), realms.next()) {
        (Some(realm), None) => {
            let bare = realm.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            Ok(bare.unwrap_or(realm))
        }
        _ => Err(KeyError::NoChallenge),
    }
}

#[cfg(test)]
#[path = "arc_key_tests.rs"]
mod tests;
