use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn only_a_folder_that_is_closed_to_others_will_do() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("meet");
    let refused = |path: &Path| MeetingPlace::at(path).unwrap_err().to_string();
    assert!(MeetingPlace::at(&folder).is_ok(), "it is made");
    assert!(MeetingPlace::at(&folder).is_ok(), "and found again");
    for mode in [0o750, 0o701, 0o777] {
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
        assert!(refused(&folder).contains("it must be 0700"), "{mode:o}");
    }
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
    let link = outer.path().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    for spelling in ["link", "link/", "link/.", "./link//"] {
        let link = outer.path().join(spelling);
        assert_eq!(refused(&link), "it is no folder", "{spelling}");
    }
    assert!(MeetingPlace::at(Path::new("/nonexistent/meet")).is_err());
}

#[tokio::test]
async fn a_successor_that_goes_away_changes_nothing_and_the_next_one_takes_over() {
    let outer = tempfile::tempdir().unwrap();
    let place = MeetingPlace::at(&outer.path().join("meet")).unwrap();
    assert!(place.predecessor().await.unwrap().is_none());
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let sockets = [OwnedFd::from(socket)];
    let succession = place.succession().unwrap();
    let younger = async {
        let (predecessor, mut inherited) = place.predecessor().await.unwrap().unwrap();
        assert_eq!(inherited.left(), [address.to_string()]);
        assert!(inherited.take(&address.into()).is_some());
        assert!(inherited.take(&address.into()).is_none());
        drop(predecessor);
        let (predecessor, inherited) = place.predecessor().await.unwrap().unwrap();
        let next = place.succession().unwrap();
        predecessor.relieve().await.unwrap();
        (next, inherited)
    };
    let ((), (_next, inherited)) = tokio::join!(succession.succeeded(&sockets), younger);
    assert_eq!(inherited.left().len(), 1);
}

#[tokio::test]
async fn one_that_hangs_keeps_no_other_from_taking_over_and_then_may_not_serve() {
    let outer = tempfile::tempdir().unwrap();
    let place = MeetingPlace::at(&outer.path().join("meet")).unwrap();
    let sockets = [OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap())];
    let succession = place.succession().unwrap();
    let silent = UnixStream::connect(place.socket()).await.unwrap();
    let younger = async {
        let (slow, _) = place.predecessor().await.unwrap().unwrap();
        let (fast, _) = place.predecessor().await.unwrap().unwrap();
        fast.relieve().await.unwrap();
        slow
    };
    let ((), slow) = tokio::join!(succession.succeeded(&sockets), younger);
    drop(succession);
    // Nobody waits in the place yet: the older one's word is enough.
    let why = slow.relieve().await.unwrap_err();
    assert!(why.to_string().contains("ready before this one"), "{why}");
    drop(silent);
}

#[tokio::test]
async fn one_whose_predecessor_died_serves() {
    let outer = tempfile::tempdir().unwrap();
    let place = MeetingPlace::at(&outer.path().join("meet")).unwrap();
    let sockets = [OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap())];
    let succession = place.succession().unwrap();
    let (predecessor, _) = tokio::select! {
        () = succession.succeeded(&sockets) => unreachable!("nobody said so"),
        met = place.predecessor() => met.unwrap().unwrap(),
    };
    drop(succession);
    predecessor.relieve().await.unwrap();
}

#[tokio::test]
async fn whoever_speaks_otherwise_is_not_taken_for_a_predecessor() {
    let outer = tempfile::tempdir().unwrap();
    let place = MeetingPlace::at(&outer.path().join("meet")).unwrap();
    let listener = UnixListener::bind(place.socket()).unwrap();
    let other = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&[b'x'; 21]).await.unwrap();
    };
    let (met, ()) = tokio::join!(place.predecessor(), other);
    let why = met.err().unwrap().to_string();
    assert!(why.contains("another version"), "{why}");
    drop(listener);
    assert!(
        place.predecessor().await.unwrap().is_none(),
        "a file alone is nobody"
    );
}
