//! Under a service manager: sockets that it has bound, and what it wants to hear.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{get, setup};
use crate::support::{Connection, Process, Setup};

/// Serves with this socket as its third descriptor, as systemd would pass it.
fn activated(setup: &Setup, socket: TcpListener) -> Process {
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\" 3<&0 </dev/null";
    let arguments = ["serve", "--config", &setup.written()].map(str::to_owned);
    Process::start(&[], |command| {
        *command = Command::new("sh");
        command
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_bearergate")])
            .args(arguments)
            .stdin(OwnedFd::from(socket))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_bound_already_is_served_and_what_came_before_is_answered() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut setup = setup();
    setup.set("/listeners/apis/address", &address.to_string());
    // It waits in the socket for somebody to accept.
    let mut early = Connection::open(address).await;
    early.send("GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let gate = activated(&setup, socket.try_clone().unwrap());
    assert_eq!(early.reply().await.unwrap().status, 200);
    gate.says("admin listening").await;
    assert_eq!(gate.address("apis"), address);
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0), "{log}");
    // Whoever bound it still has it: the next process answers who came in between.
    let mut between = Connection::open(address).await;
    between
        .send("GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let _next = activated(&setup, socket);
    assert_eq!(between.reply().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_no_listener_is_meant_by_is_an_error_at_start() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let setup = setup();
    let mut gate = activated(&setup, socket);
    assert_eq!(gate.ended().await, Some(1));
    let told = format!("no listener has the address of a socket in LISTEN_FDS: {address}");
    gate.says(&told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_when_the_process_accepts_reads_anew_and_stops() {
    let mut setup = setup();
    let place = setup.path("notify.sock");
    let told = UnixDatagram::bind(&place).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let next = || {
        let mut text = [0; 200];
        let length = told.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let gate = Process::serve_as(&setup.written(), |command| {
        command.env("NOTIFY_SOCKET", place);
    })
    .await;
    assert_eq!(next(), "READY=1");
    assert_eq!(get(&gate, "apis", "/open/x", "").await.status, 200);
    gate.signal("HUP");
    let reloading = next();
    let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    assert!(since.unwrap().parse::<u64>().unwrap() > 0, "{reloading}");
    assert_eq!(next(), "READY=1");
    // Also where what was read does not hold: what runs goes on.
    setup.set("/listeners/apis/address", "127.0.0.2:0");
    setup.written();
    assert!(next().starts_with("RELOADING=1"));
    assert_eq!(next(), "READY=1");
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0));
    assert!(
        log.contains("only a restart can change listeners.apis"),
        "{log}"
    );
    assert_eq!(next(), "STOPPING=1");
}
