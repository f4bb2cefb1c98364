use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::super::definition::StateKey;
use super::*;
use crate::secret::Secret;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn sealer(byte: u8) -> Sealer {
    Sealer::new(&StateKey::new(Secret::new([byte; 32]))).unwrap()
}

fn name(text: &[u8]) -> Name {
    sealer(1).name(&[text]).unwrap()
}

fn until(seconds: u64) -> UnixTime {
    NOW.plus(Duration::from_secs(seconds))
}

async fn written(file: &StateFile) {
    while file.state.lock().is_writing {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A file with one entry, `a`, that is good for an hour.
async fn one(path: &Path) {
    let file = StateFile::open(path, &sealer(1), NOW).unwrap();
    file.keep(name(b"a"), until(3600), b"sealed".to_vec(), NOW);
    written(&file).await;
    assert_eq!(file.status().failure, None);
}

fn count(path: &Path, key: u8, now: UnixTime) -> usize {
    let file = StateFile::open(path, &sealer(key), now).unwrap();
    file.read(&[name(b"a"), name(b"b")]).len()
}

#[tokio::test]
async fn what_is_kept_is_there_after_a_restart_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    assert_eq!(count(&path, 1, NOW), 0, "no file is no trouble");
    one(&path).await;
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(count(&path, 1, NOW), 1);
    assert_eq!(count(&path, 1, until(3599)), 1);
    assert_eq!(count(&path, 1, until(3600)), 0);
    // What has ended goes with the next change, and what is forgotten at once.
    let file = StateFile::open(&path, &sealer(1), NOW).unwrap();
    file.keep(name(b"b"), until(9000), b"sealed".to_vec(), until(4000));
    written(&file).await;
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    file.forget(&[name(b"b")]);
    written(&file).await;
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing lies beside it: {left:?}");
}

#[tokio::test]
async fn what_is_not_its_own_is_ignored_and_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let why = |key: u8| {
        let line = format!(
            "{FORMAT}{}",
            sealer(key).name(&[b"the check of the key"]).unwrap()
        );
        entries(&path, &line).unwrap_err()
    };
    one(&path).await;
    let good = fs::read_to_string(&path).unwrap();
    assert_eq!(why(2), "it was written with another `state.key`");
    assert_eq!(count(&path, 2, NOW), 0);

    for mode in [0o640, 0o604, 0o660, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let told = format!("it is mode {mode:04o}: others than its owner may use it");
        assert_eq!(why(1), told);
        assert_eq!(count(&path, 1, NOW), 0);
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    for (text, told) in [
        (String::new(), "it is none of this format"),
        (
            "bearergate state 2 x\n".to_owned(),
            "it is none of this format",
        ),
        ("\u{0}\u{1}".to_owned(), "it is none of this format"),
        (good.replace(" 1800003600 ", " soon "), "it is damaged"),
        (
            good.replace(" 1800003600 ", " 1800003600 ="),
            "it is damaged",
        ),
        (format!("{}x\n", good), "it is damaged"),
        (good.trim_end().to_owned() + " more\n", "it is damaged"),
    ] {
        fs::write(&path, text).unwrap();
        assert_eq!(why(1), told);
        assert_eq!(count(&path, 1, NOW), 0);
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(why(1), "it is none of this format");
    one(&path).await;
    assert_eq!(count(&path, 1, NOW), 1, "it was overwritten");
}

#[tokio::test]
async fn a_link_or_a_pipe_in_its_place_is_not_followed_and_gives_way() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("state"), folder.path().join("other"));
    one(&other).await;
    let before = fs::read(&other).unwrap();
    symlink(&other, &path).unwrap();
    assert_eq!(text(&path).unwrap_err(), "it is a symbolic link");
    assert_eq!(count(&path, 1, NOW), 0);
    let file = StateFile::open(&path, &sealer(1), NOW).unwrap();
    file.keep(name(b"b"), until(60), b"sealed".to_vec(), NOW);
    written(&file).await;
    assert_eq!(
        fs::read(&other).unwrap(),
        before,
        "nothing was written through it"
    );
    assert!(fs::symlink_metadata(&path).unwrap().is_file());

    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    assert_eq!(text(&path).unwrap_err(), "it is no file");
    one(&path).await;
}

#[tokio::test]
async fn where_it_cannot_be_written_that_is_told_and_nothing_else_happens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone").join("state");
    let file = StateFile::open(&path, &sealer(1), NOW).unwrap();
    file.keep(name(b"a"), until(60), b"sealed".to_vec(), NOW);
    written(&file).await;
    assert!(file.status().failure.unwrap().contains("No such file"));
    assert_eq!(
        file.read(&[name(b"a")]).len(),
        1,
        "the process goes on with it"
    );
    fs::create_dir(path.parent().unwrap()).unwrap();
    file.keep(name(b"a"), until(60), b"sealed".to_vec(), NOW);
    written(&file).await;
    assert_eq!(file.status().failure, None);
}

#[tokio::test]
async fn it_holds_so_many_and_those_that_live_longest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let file = StateFile::open(&path, &sealer(1), NOW).unwrap();
    for number in 0..MOST_ENTRIES as u64 + 10 {
        let name = name(&number.to_be_bytes());
        file.keep(name, until(60 + number), vec![0; 64], NOW);
    }
    written(&file).await;
    assert_eq!(file.state.lock().entries.len(), MOST_ENTRIES);
    assert!(file.read(&[name(&9_u64.to_be_bytes())]).is_empty());
    assert_eq!(file.read(&[name(&10_u64.to_be_bytes())]).len(), 1);
}
