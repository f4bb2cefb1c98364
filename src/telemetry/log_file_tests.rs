//! Lines in files that are moved, and on disks that are full.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn it_is_opened_anew_between_batches_and_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    std::fs::write(&path, "before\n").unwrap();
    let mut file = LogFile::open(&path).unwrap();
    file.write_all(b"one\n").unwrap();
    file.flush().unwrap();
    std::fs::rename(&path, &old).unwrap();
    file.write_all(b"two\n").unwrap();
    file.flush().unwrap();
    assert!(!path.exists(), "nobody asked");
    file.asked().store(true, Ordering::Release);
    file.write_all(b"three\n").unwrap();
    file.flush().unwrap();
    file.write_all(b"four\n").unwrap();
    assert_eq!(read(&old), "before\none\ntwo\nthree\n");
    assert_eq!(read(&path), "four\n");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !MODE, 0, "{mode:o}");
}

#[test]
fn where_it_cannot_be_opened_anew_the_old_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs").join("a.log");
    assert!(LogFile::open(&path).is_err());
    let logs = path.parent().unwrap();
    std::fs::create_dir(logs).unwrap();
    let mut file = LogFile::open(&path).unwrap();
    let moved = folder.path().join("moved");
    std::fs::rename(logs, &moved).unwrap();
    file.asked().store(true, Ordering::Release);
    file.flush().unwrap();
    file.write_all(b"kept\n").unwrap();
    assert_eq!(read(&moved.join("a.log")), "kept\n");
    // Another word is another try.
    std::fs::create_dir(logs).unwrap();
    file.asked().store(true, Ordering::Release);
    file.flush().unwrap();
    file.write_all(b"new\n").unwrap();
    assert_eq!(read(&path), "new\n");
}

#[test]
fn a_line_that_was_torn_is_no_part_of_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let mut file = LogFile::open(&path).unwrap();
    file.write_all(b"{\"half").unwrap();
    // A disk that is full, for a moment.
    file.file = File::open("/dev/null").unwrap();
    assert!(file.write_all(b"\":1}\n").is_err());
    file.file = open(&path, Links::Refused).unwrap();
    file.write_all(b"{\"whole\":1}\n").unwrap();
    assert_eq!(read(&path), "{\"half\n{\"whole\":1}\n");
}

#[test]
fn a_link_that_was_put_there_meanwhile_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "").unwrap();
    let mut file = LogFile::open(&path).unwrap();
    std::fs::rename(&path, &old).unwrap();
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    file.asked().store(true, Ordering::Release);
    file.flush().unwrap();
    file.write_all(b"kept\n").unwrap();
    assert_eq!(
        (read(&victim), read(&old)),
        (String::new(), "kept\n".to_owned())
    );
    // One that was there at the start is meant, and stays so.
    let mut file = LogFile::open(&path).unwrap();
    file.asked().store(true, Ordering::Release);
    file.flush().unwrap();
    file.write_all(b"meant\n").unwrap();
    assert_eq!(read(&victim), "meant\n");
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    assert!(LogFile::open(&path).is_err(), "nobody reads");
    let reader = OpenOptions::new().read(true).write(true).open(&path);
    assert!(LogFile::open(&path).is_err(), "somebody reads");
    drop(reader);
    std::fs::remove_file(&path).unwrap();
    assert!(LogFile::open(&path).is_ok());
}
