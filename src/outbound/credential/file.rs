//! A file that is read again for each use, for others write it anew: bounded, and never waited for.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::secret::why_unreadable;

/// A file that takes longer lies on something that hangs.
const LONGEST: Duration = Duration::from_secs(5);

/// Its bytes, `most` of them at most.
///
/// # Errors
/// Why there are none, with the path; never what is in it.
pub(super) async fn read(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let (file, shown) = (path.to_owned(), path.display());
    let reading = tokio::task::spawn_blocking(move || at_once(&file, most));
    match tokio::time::timeout(LONGEST, reading).await {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => Err(format!("reading {shown} was broken off")),
        Err(_) => Err(format!("reading {shown} takes too long")),
    }
}

/// The same for who may wait.
pub(super) fn at_once(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let unreadable = |cause| why_unreadable(path, &cause);
    // A pipe in its place must not hold us up.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
        .map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    file.take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    match bytes.len() > most {
        true => Err(format!("{} is larger than {most} bytes", path.display())),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_file_of_bounded_size_is_read_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(**read(&path, 4).await.unwrap(), *b"four");
        let refused = read(&path, 3).await.unwrap_err();
        assert!(refused.ends_with("is larger than 3 bytes"), "{refused}");
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for no_file in [pipe, folder.path().to_owned(), "/dev/zero".into()] {
            let refused = read(&no_file, 4).await.unwrap_err();
            assert!(refused.ends_with("is no file"), "{refused}");
        }
        let refused = read(&folder.path().join("none"), 4).await.unwrap_err();
        assert!(
            refused.starts_with("there is no file none in "),
            "{refused}"
        );
    }
}
