//! Nobody fills a listener, from one address or from many: who is idle makes room, what is unfinished
//! is bounded, and the admin pages are there whatever callers do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

use crate::support::{
    Connection, Frames, Gateway, Origin, Process, Setup, command, eventually, fields,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn world(listener: &str) -> (Origin, Gateway) {
    let origin = Origin::open().await;
    let gateway = Setup::open(&origin.url(), listener, "").gateway().await;
    (origin, gateway)
}

/// A connection whose request the upstream has, and does not answer.
async fn busy(origin: &Origin, gateway: &Gateway) -> (Connection, Connection) {
    busy_over(origin, gateway.connect("apis").await).await
}

async fn busy_over(origin: &Origin, mut caller: Connection) -> (Connection, Connection) {
    caller.send(GET).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    (caller, upstream)
}

async fn from(own: &str, to: SocketAddr) -> Connection {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::new(own.parse().unwrap(), 0))
        .unwrap();
    Connection::over(socket.connect(to).await.unwrap())
}

async fn refused(gateway: &Gateway, cause: &str) -> f64 {
    let name = "bearergate_connections_refused_total";
    let series = format!("{name}{{cause=\"{cause}\",listener=\"apis\"}}");
    gateway.metric(&series).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_that_was_idle_for_longest_makes_room_for_a_new_one() {
    let (origin, gateway) = world("limits: { connections: 3, connections_per_address: 3 }").await;
    let mut silent = gateway.connect("apis").await;
    let (mut served, mut upstream) = busy(&origin, &gateway).await;
    let mut second = gateway.connect("apis").await;
    let open = "bearergate_connections{listener=\"apis\"}";
    eventually("three connections", async || {
        gateway.metric(open).await == Some(3.0)
    })
    .await;
    let mut third = gateway.connect("apis").await;
    assert_eq!(silent.rest().await, "", "the oldest goes");
    // The one that was served is idle last of all.
    upstream.send(ANSWER).await;
    assert_eq!(served.reply().await.unwrap().status, 200);
    let mut fourth = gateway.connect("apis").await;
    fourth.send(GET).await;
    upstream.head().await.unwrap();
    assert_eq!(second.rest().await, "");
    assert_eq!(refused(&gateway, "evicted").await, 2.0);
    assert_eq!(refused(&gateway, "limit").await, 0.0);
    assert!(!served.has_something().await && !third.has_something().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_are_served_are_not_disturbed_and_one_more_is_closed() {
    let (origin, gateway) = world("limits: { connections: 2, connections_per_address: 2 }").await;
    let mut served = [busy(&origin, &gateway).await, busy(&origin, &gateway).await];
    assert_eq!(gateway.connect("apis").await.rest().await, "");
    let causes = [
        refused(&gateway, "limit").await,
        refused(&gateway, "address_limit").await,
    ];
    assert_eq!(causes.iter().sum::<f64>(), 1.0);
    for (caller, upstream) in &mut served {
        upstream.send(ANSWER).await;
        assert_eq!(caller.reply().await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_leaves_room_for_others() {
    for (listener, limited) in [
        (
            "limits: { connections: 10, connections_per_address: 2 }",
            true,
        ),
        ("{ limits: { connections: 4 } }", true),
        (
            "{ limits: { connections: 10, connections_per_address: 2 }, trusted_proxies: [127.0.0.2/32] }",
            false,
        ),
    ] {
        let (origin, gateway) = world(listener).await;
        let address = gateway.address("apis");
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(busy_over(&origin, from("127.0.0.2", address).await).await);
        }
        let mut third = from("127.0.0.2", address).await;
        if limited {
            assert_eq!(third.rest().await, "", "{listener}");
            assert_eq!(refused(&gateway, "address_limit").await, 1.0);
        } else {
            held.push(busy_over(&origin, third).await);
        }
        held.push(busy_over(&origin, from("127.0.0.3", address).await).await);
        for (mut caller, mut upstream) in held {
            upstream.send(ANSWER).await;
            assert_eq!(caller.reply().await.unwrap().status, 200, "{listener}");
        }
    }
}

/// Answered by the gateway itself.
const NO_REQUEST: &str = "nonsense\r\n\r\n";

/// On one thread: the gateway sees the new connection and the request behind it at the same time.
#[tokio::test]
async fn a_request_that_comes_while_its_connection_makes_room_does_not_stop_others_from_leaving() {
    let (_origin, gateway) =
        world("limits: { connections: 160, connections_per_address: 160 }").await;
    let mut silent = Vec::new();
    for _ in 0..160 {
        silent.push(gateway.connect("apis").await);
    }
    let open = async || {
        gateway
            .metric("bearergate_connections{listener=\"apis\"}")
            .await
    };
    eventually("all are there", async || open().await == Some(160.0)).await;
    // Each is about to leave when its request comes, and no upstream answers one.
    let mut new = Vec::new();
    for oldest in &mut silent[..75] {
        let one = std::net::TcpStream::connect(gateway.address("apis")).unwrap();
        oldest.send_in_vain(GET.as_bytes()).await;
        one.set_nonblocking(true).unwrap();
        new.push(Connection::over(TcpStream::from_std(one).unwrap()));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..3 {
        let mut caller = gateway.connect("apis").await;
        caller.send_in_vain(NO_REQUEST.as_bytes()).await;
        assert_eq!(caller.reply().await.expect("an answer").status, 400);
    }
    assert_eq!(refused(&gateway, "limit").await, 0.0);
    eventually("no more than there may be", async || {
        open().await <= Some(160.0)
    })
    .await;
}

/// On one thread: what has come is read before the pause behind it ends, however late that is.
#[tokio::test]
async fn half_a_head_makes_room_before_a_connection_that_has_only_just_come() {
    let (origin, gateway) = world("limits: { connections: 5, connections_per_address: 5 }").await;
    let mut fresh = gateway.connect("apis").await;
    let mut halves = Vec::new();
    // So few that all of them come within the grace, on a busy machine too.
    for _ in 0..8 {
        let mut half = gateway.connect("apis").await;
        half.send_in_vain(b"GET / HTTP/1.1\r\n").await;
        halves.push(half);
        // It has been read before another is there.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let (_fresh, _upstream) = {
        fresh.send_in_vain(GET.as_bytes()).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.expect("its request");
        (fresh, upstream)
    };
    let reply = halves[0].reply().await.expect("an answer");
    assert_eq!(reply.reason(), "header_timeout");
}

/// On one thread: what has come is read before the pause behind it ends, however late that is.
#[tokio::test]
async fn unfinished_heads_together_hold_no_more_than_they_may() {
    let (origin, gateway) = world("limits: { unfinished_headers: 64KiB }").await;
    let half = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Half: {}",
        "a".repeat(20_000)
    );
    let mut heads = Vec::new();
    for _ in 0..12 {
        let mut caller = gateway.connect("apis").await;
        caller.send(&half).await;
        heads.push(caller);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The oldest are answered, long before their time.
    for caller in &mut heads[..8] {
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(reply.reason(), "header_timeout");
    }
    let lines = gateway.lines(8).await;
    let detail = lines[0]["detail"].as_str().unwrap();
    assert!(detail.contains("room was needed"), "{detail}");
    // The youngest is whole in a moment, and served.
    let mut last = heads.pop().unwrap();
    last.send("\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(ANSWER).await;
    assert_eq!(last.reply().await.unwrap().status, 200);
}

/// A process of this setup with so many descriptors, of which nothing can be raised.
async fn with_descriptors(count: usize, setup: &Setup) -> Process {
    let file = setup.written();
    let real = command(&[]).get_program().to_owned();
    let script = format!("ulimit -n {count} && exec \"$0\" serve --config \"$1\"");
    let gate = Process::start_as("sh", |command| {
        command.args(["-c", &script]).arg(real).arg(file);
    });
    gate.says("admin listening").await;
    gate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_descriptors_and_many_connections_leave_the_admin_pages_and_callers_served() {
    let origin = Origin::open().await.answering(|_| ANSWER.to_owned());
    let setup = Setup::open(&origin.url, "", "");
    let gate = with_descriptors(200, &setup).await;
    assert!(gate.log().contains("fewer connections than the file says"));
    // (200 - 50) / 2, and half of that, rounded up.
    let log = gate.log();
    let listening = log.lines().find(|line| line.contains("\"apis\"")).unwrap();
    let listening: serde_json::Value = serde_json::from_str(listening).unwrap();
    let told = [&listening["connections"], &listening["per_address"]];
    assert_eq!(told, [75, 38], "{listening}");
    let (apis, admin) = (gate.address("apis"), gate.address("admin"));
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(TcpStream::connect(apis).await.unwrap());
    }
    for _ in 0..3 {
        let mut probe = Connection::open(admin).await;
        probe
            .send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        assert_eq!(probe.reply().await.expect("an answer").status, 200);
        let mut caller = Connection::open(apis).await;
        caller.send(GET).await;
        assert_eq!(caller.reply().await.expect("an answer").status, 200);
    }
    assert!(!gate.log().contains("accept failed"), "{}", gate.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_open_files_is_raised_at_start_and_said() {
    let setup = Setup::open("http://127.0.0.1:1", "", "");
    let file = setup.written();
    let real = command(&[]).get_program().to_owned();
    let gate = Process::start_as("sh", |command| {
        command
            .args([
                "-c",
                "ulimit -S -n 100 && exec \"$0\" serve --config \"$1\"",
            ])
            .arg(real)
            .arg(file);
    });
    gate.says("admin listening").await;
    let log = gate.log();
    let told = log
        .lines()
        .find(|line| line.contains("open files"))
        .unwrap();
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    assert!(told["limit"].as_u64().unwrap() > 100, "{told}");
    let listening = log.lines().find(|line| line.contains("\"apis\"")).unwrap();
    let listening: serde_json::Value = serde_json::from_str(listening).unwrap();
    assert_eq!(listening["connections"], told["connections"]);
}

/// Each takes a connection to the upstream, as one on a connection of its own would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_hang_leave_descriptors_for_others() {
    const HELD: usize = 38;
    let origin = Origin::open().await.answering(|head| {
        let hangs = head.starts_with("GET /hang ");
        if hangs {
            String::new()
        } else {
            ANSWER.to_owned()
        }
    });
    let setup = Setup::open(&origin.url, "protocols: [http1, h2c]", "");
    let gate = with_descriptors(200, &setup).await;
    let (apis, admin) = (gate.address("apis"), gate.address("admin"));
    let hang = fields(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/hang"),
    ]);
    let mut greedy = Vec::new();
    for _ in 0..12 {
        let mut caller = Frames::over(from("127.0.0.2", apis).await.into_stream());
        caller.begin().await;
        for number in 0..100 {
            caller.ask(2 * number + 1, &hang).await;
        }
        greedy.push(caller);
    }
    let hanging = || {
        origin
            .heads()
            .iter()
            .filter(|(_, head)| head.contains("/hang"))
            .count()
    };
    eventually("they have all they may have", async || {
        hanging() >= HELD - 12
    })
    .await;
    for _ in 0..5 {
        let mut caller = Connection::open(apis).await;
        caller.send(GET).await;
        assert_eq!(caller.reply().await.expect("an answer").status, 200);
        let mut probe = Connection::open(admin).await;
        probe
            .send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        assert_eq!(probe.reply().await.expect("an answer").status, 200);
    }
    // One for each connection, and one for each request upstream.
    assert!(hanging() <= HELD, "{}", hanging());
    assert!(
        gate.descriptors() < 50 + 2 * HELD + 20,
        "{}",
        gate.descriptors()
    );
    assert!(!gate.log().contains("accept failed"), "{}", gate.log());
    // The others were told that nobody has looked at them.
    let refused = greedy[0].outcome(199).await;
    assert_eq!(refused, Err(7));
}
