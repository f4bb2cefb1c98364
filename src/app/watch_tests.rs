use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::symlink;

use super::*;

/// Longer than any change takes to be seen, and shorter than files are looked at by hand.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file that is watched.
async fn watched(path: &Path) -> Watch {
    let mut watch = Watch::over(Files::of([path]));
    // What had just been written may be read again once.
    while timeout(SETTLED * 2, watch.changed()).await.is_ok() {
        watch.follow(Files::of([path]));
    }
    watch
}

async fn sees(watch: &mut Watch, path: &Path, what: &str) {
    let seen = timeout(PATIENCE, watch.changed()).await;
    assert!(seen.is_ok(), "{what}");
    watch.follow(Files::of([path]));
}

#[tokio::test]
async fn a_file_that_is_written_replaced_removed_or_made_readable_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.yaml");
    let other = folder.path().join("other");
    std::fs::write(&path, "one").unwrap();
    let mut watch = watched(&path).await;
    std::fs::write(&path, "two").unwrap();
    sees(&mut watch, &path, "written").await;
    std::fs::write(&other, "new").unwrap();
    std::fs::rename(&other, &path).unwrap();
    sees(&mut watch, &path, "replaced").await;
    std::fs::remove_file(&path).unwrap();
    sees(&mut watch, &path, "removed").await;
    std::fs::write(&path, "three").unwrap();
    sees(&mut watch, &path, "there again").await;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap();
    sees(&mut watch, &path, "another mode").await;
}

#[tokio::test]
async fn links_that_are_swapped_at_any_place_of_the_way_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // As Kubernetes mounts a ConfigMap.
    let version = |name: &str| {
        std::fs::create_dir(at(name)).unwrap();
        std::fs::write(at(name).join("gate.yaml"), "same length").unwrap();
        symlink(name, at("..data_tmp")).unwrap();
        std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
    };
    version("..1");
    symlink("..data/gate.yaml", at("gate.yaml")).unwrap();
    symlink(folder.path(), at("alias")).unwrap();
    let path = at("alias").join("gate.yaml");
    let mut watch = watched(&path).await;
    for name in ["..2", "..3", "..4"] {
        version(name);
        sees(&mut watch, &path, name).await;
    }
    std::fs::remove_dir_all(at("..3")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("gate.yaml"), "elsewhere").unwrap();
    symlink(elsewhere.path(), at("new")).unwrap();
    std::fs::rename(at("new"), at("alias")).unwrap();
    sees(&mut watch, &path, "a folder's link").await;
    std::fs::write(elsewhere.path().join("gate.yaml"), "written").unwrap();
    sees(&mut watch, &path, "written where the link leads now").await;
}

#[tokio::test]
async fn a_folder_that_is_removed_and_made_again_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    let path = inner.join("key");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(&path, "one").unwrap();
    let mut watch = watched(&path).await;
    std::fs::remove_dir_all(folder.path().join("a")).unwrap();
    sees(&mut watch, &path, "removed").await;
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(&path, "two").unwrap();
    sees(&mut watch, &path, "made again").await;
    std::fs::write(&path, "three").unwrap();
    sees(&mut watch, &path, "written").await;
}

#[tokio::test]
async fn what_others_do_in_the_folder_is_nobodys_news() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.yaml");
    std::fs::write(&path, "one").unwrap();
    let mut watch = watched(&path).await;
    // Past the second in which the clock of files could not tell two writes apart.
    sleep(Duration::from_millis(2100)).await;
    watch.follow(Files::of([&*path]));
    let changed = timeout(SETTLED * 8, async {
        let mut number = 0;
        let writing = async {
            loop {
                number += 1;
                std::fs::write(folder.path().join("log"), number.to_string()).unwrap();
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = watch.changed() => {}
            () = writing => {}
        }
    });
    assert!(changed.await.is_err());
}

#[tokio::test]
async fn a_file_that_is_being_written_is_not_seen_before_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.yaml");
    std::fs::write(&path, "one").unwrap();
    let mut watch = watched(&path).await;
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"half of ").unwrap();
    let moment = SETTLED * 20;
    assert!(timeout(moment, watch.changed()).await.is_err());
    // What happens beside it is no reason to look.
    std::fs::write(folder.path().join("other"), "x").unwrap();
    assert!(timeout(moment, watch.changed()).await.is_err());
    file.write_all(b"it").unwrap();
    drop(file);
    sees(&mut watch, &path, "whole").await;
}

#[test]
fn a_way_in_circles_ends() {
    let folder = tempfile::tempdir().unwrap();
    symlink("b", folder.path().join("a")).unwrap();
    symlink("a", folder.path().join("b")).unwrap();
    let mut places = Places::new();
    add(&mut places, &folder.path().join("a/key"));
    let real = std::fs::canonicalize(folder.path()).unwrap();
    assert!(places[&real].contains(OsStr::new("a")), "{places:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nobody_who_writes_beside_them_prolongs_the_wait() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("key"), "one").unwrap();
    let mut places = Places::new();
    add(&mut places, &at("key"));
    let mut notices = Notices::of(&places).unwrap();
    // A log that is written on and on, and files that come and go.
    let _log = {
        let mut log = std::fs::File::create(at("log")).unwrap();
        log.write_all(b"line").unwrap();
        log
    };
    std::fs::rename(at("log"), at("log.1")).unwrap();
    assert!(!notices.take());
    assert!(!notices.are_of_half());
    std::fs::rename(at("log.1"), at("key")).unwrap();
    assert!(notices.take(), "what takes the place of one is");
    // What is meant from now on is told from now on.
    add(&mut places, &at("other"));
    notices.mean(&places);
    std::fs::write(at("other"), "x").unwrap();
    assert!(notices.take());
}
