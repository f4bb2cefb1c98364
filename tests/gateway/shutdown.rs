//! How the process starts, stops and says no: signals, exit codes, and what becomes of requests in
//! flight and of idle connections.

use crate::support::{Connection, Origin, Process, Setup, eventually, run};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// A process with a request in flight: who asked, and who has not answered.
async fn busy(shutdown: &str) -> (Process, Connection, Connection, Setup) {
    let origin = Origin::open().await;
    let setup = Setup::open(&origin.url(), "", "").put("/shutdown", shutdown);
    let process = Process::serve(&setup.written()).await;
    let mut caller = Connection::open(process.address("apis")).await;
    caller.send(GET).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    (process, caller, upstream, setup)
}

async fn refuses(process: &Process, listener: &str) -> bool {
    tokio::net::TcpStream::connect(process.address(listener))
        .await
        .is_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_waits_for_what_is_in_flight_and_exits_0() {
    let (mut process, mut caller, mut upstream, _setup) = busy("grace: 1h").await;
    let mut idle = Connection::open(process.address("apis")).await;
    idle.send("GET /.. HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    assert_eq!(idle.reply().await.unwrap().header("connection"), None);

    process.signal("TERM");
    assert_eq!(idle.rest().await, "", "idle connections are closed");
    eventually("new connections are refused", async || {
        refuses(&process, "apis").await
    })
    .await;
    assert!(process.is_running());

    upstream.send(OK).await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    assert_eq!(
        reply.header("connection"),
        Some("close"),
        "the caller must not send another"
    );
    assert!(caller.closed().await);
    assert_eq!(process.ended().await, Some(0));
    eventually("its access line is written", async || {
        process.out().contains("\"status\":200")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_waits_no_longer_than_grace_and_the_log_counts_whom_it_cut() {
    let (mut process, mut caller, _upstream, _setup) = busy("grace: 300ms").await;
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0));
    assert!(caller.reply().await.is_none());
    eventually("the log tells", async || {
        process.log().contains("\"cut\":1")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")] {
        let (mut process, _caller, _upstream, _setup) = busy("grace: 1h").await;
        process.signal(first);
        eventually("it stops", async || refuses(&process, "apis").await).await;
        process.signal(second);
        assert_eq!(process.ended().await, Some(0), "{first}, {second}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_ends_nobody() {
    let (mut process, mut caller, mut upstream, _setup) = busy("grace: 1h").await;
    process.signal("HUP");
    process.says("configuration taken over").await;
    upstream.send(OK).await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.header("connection")), (200, None));
    assert!(process.is_running());
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_turns_before_the_door_closes() {
    let (mut process, mut caller, mut upstream, _setup) = busy("delay: 1h").await;
    let ready = async |process: &Process| {
        let mut connection = Connection::open(process.address("admin")).await;
        connection
            .send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        connection.reply().await.unwrap().status
    };
    assert_eq!(ready(&process).await, 200);
    process.signal("TERM");
    eventually("it is not ready", async || ready(&process).await == 503).await;
    // Those who have not heard of it yet are served as before.
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().status, 200);
    let mut late = Connection::open(process.address("apis")).await;
    late.send("GET /.. HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let reply = late.reply().await.expect("an answer");
    assert_eq!(
        (reply.status, reply.header("connection")),
        (400, Some("close"))
    );
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_has_begun_to_come_is_waited_for() {
    let (mut process, mut first, mut upstream, _setup) = busy("grace: 1h").await;
    let mut caller = Connection::open(process.address("apis")).await;
    caller.send("GET /.. HTTP/1.1\r\n").await;
    process.signal("TERM");
    eventually("new connections are refused", async || {
        refuses(&process, "apis").await
    })
    .await;
    upstream.send(OK).await;
    assert_eq!(first.reply().await.expect("an answer").status, 200);
    caller.send("Host: a.example\r\n\r\n").await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(
        (reply.status, reply.header("connection")),
        (400, Some("close"))
    );
    assert_eq!(process.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_has_begun_to_come_is_cut_when_grace_has_passed() {
    let (mut process, mut first, mut upstream, _setup) = busy("grace: 3s").await;
    let mut caller = Connection::open(process.address("apis")).await;
    caller.send("GET /.. HTTP/1.1\r\n").await;
    process.signal("TERM");
    upstream.send(OK).await;
    assert_eq!(first.reply().await.expect("an answer").status, 200);
    assert!(first.closed().await);
    // Nobody else is there: had it not been waited for, nobody would have been cut.
    assert_eq!(process.ended().await, Some(0));
    process.says("\"cut\":1").await;
    assert_eq!(caller.rest().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named_with_its_listener() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (name, place) in [
        ("apis", "/listeners/apis/address"),
        ("admin", "/admin/address"),
    ] {
        let setup = Setup::open("http://127.0.0.1:1", "", "").put(place, &address);
        let message = format!("{name} cannot listen on {address}");
        run(&["serve", "--config", &setup.written()])
            .ends(1)
            .says(&[&message]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_valid_exits_2_and_binds_nothing() {
    // The port is taken: had it been bound first, that would be the complaint.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut setup =
        Setup::open("http://127.0.0.1:1", "", "").put("/listeners/apis/address", &address);
    setup.set("/routes/0/callers", "[]");
    let ran = run(&["serve", "--config", &setup.written()]).ends(2);
    assert_eq!(ran.out, "");
    assert!(
        ran.err.contains("callers") && !ran.err.contains("cannot listen"),
        "{}",
        ran.err
    );
}

#[test]
fn arguments_have_their_exit_codes() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["serve", "--help"], 0),
        (&["serve", "--no-such-flag"], 2),
        (&["no-such-command"], 2),
        (&[], 2),
        (&["serve", "--config", "/nowhere/at/all.yaml"], 2),
    ] {
        run(arguments).ends(code);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_tells_how_many_were_cut() {
    let origin = Origin::open().await;
    let setup = Setup::open(&origin.url(), "", "").put("/shutdown", "grace: 100ms");
    let mut gateway = setup.gateway().await;
    let mut caller = gateway.connect("apis").await;
    caller.send(GET).await;
    let _upstream = origin.accept().await;
    assert_eq!(gateway.drain().await, 1);
}
