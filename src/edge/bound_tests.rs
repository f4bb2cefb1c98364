use std::io::Write;

use super::*;

fn at(path: &Path, mode: u32) -> io::Result<Bound> {
    let path = path.to_owned();
    Bound::at(&Address::Unix(UnixAddress { path, mode }))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_socket_has_its_permissions_and_whoever_listens_is_not_pushed_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apis.sock");
    for permissions in [0o600, 0o660, 0o666, 0o700] {
        let first = at(&path, permissions).unwrap();
        assert_eq!(mode(&path), permissions, "{permissions:o}");
        let place = Address::Unix(UnixAddress {
            path: path.clone(),
            mode: 0o600,
        });
        assert!(first.address().unwrap().is_where(&place));
        let again = at(&path, permissions).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AddrInUse);
        assert!(
            unix::UnixStream::connect(&path).is_ok(),
            "it is the first one's"
        );
        // It leaves its file behind, as a process that is killed does.
        drop(first);
        assert!(path.exists());
    }
}

#[test]
fn nothing_but_a_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::File::create(&file)
        .unwrap()
        .write_all(b"kept")
        .unwrap();
    let link = folder.path().join("link");
    let socket = folder.path().join("socket");
    drop(at(&socket, 0o600).unwrap());
    std::os::unix::fs::symlink(&socket, &link).unwrap();
    let nested = folder.path().join("folder");
    std::fs::create_dir(&nested).unwrap();
    for place in [&file, &link, &nested] {
        let why = at(place, 0o600).unwrap_err().to_string();
        assert!(why.contains("no socket"), "{}: {why}", place.display());
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"kept");
    let nowhere = folder.path().join("nowhere/socket");
    assert_eq!(at(&nowhere, 0o600).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_full_backlog_is_somebody_who_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apis.sock");
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&socket, 0).unwrap();
    let _waits = unix::UnixStream::connect(&path).unwrap();
    assert_eq!(at(&path, 0o600).unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_socket_of_another_kind_is_none_to_listen_on() {
    let (one, _other) = unix::UnixDatagram::pair().unwrap();
    assert!(
        Bound::try_from(OwnedFd::from(
            std::net::UdpSocket::bind("127.0.0.1:0").unwrap()
        ))
        .is_ok()
    );
    drop(one);
}

#[test]
fn a_lock_that_somebody_keeps_on_the_folder_is_not_waited_for_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let kept = File::open(folder.path()).unwrap();
    flock(&kept, FlockOperation::LockShared).unwrap();
    assert!(at(&folder.path().join("apis.sock"), 0o600).is_ok());
}
