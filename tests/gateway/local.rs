//! Listeners at a Unix socket: whoever connects has no address, unless a proxy there says whom it speaks for.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::support::{Gateway, PATIENCE, Process, Setup, World, run};

/// Puts a request to a socket and reads until the end.
async fn ask(path: &Path, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    let _ = reading.await.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n{headers}\r\n")
}

/// Whether it is such an answer, and a problem that names this reason.
fn is(answer: &str, status: u16, reason: &str) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status} "))
        && (reason.is_empty() || answer.contains(&format!("\"reason\":\"{reason}\"")))
}

fn setup(listener: &str) -> Setup {
    let mut setup = Setup::of("open.yaml").put("/listeners/apis", listener);
    setup.set("/listeners/apis/address", "unix:apis.sock");
    setup.set("/routes/0/upstream", "{ url: $ECHO }");
    setup
}

async fn world(listener: &str) -> World {
    setup(listener).start().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_connects_is_served_and_has_no_address() {
    let world = world("").await;
    let socket = world.path("apis.sock");
    let lying = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
    for _ in 0..2 {
        assert!(is(&ask(&socket, get("/a", lying)).await, 200, ""));
    }
    assert_eq!(world.echoed("x-forwarded-for"), "unknown");
    assert_eq!(world.echoed("x-forwarded-proto"), "http");
    let line = &world.gateway.lines(2).await[1];
    assert_eq!(
        (&line["listener"], line.get("client")),
        (&"apis".into(), None),
        "{line}"
    );
    // Several requests on one connection, and one that is none.
    let two = format!("GET /a HTTP/1.1\r\nHost: a\r\n\r\n{}", get("/b", ""));
    let answers = ask(&socket, two).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
    let answer = ask(&socket, "GET / HTTP/1.1\r\nHost : a\r\n\r\n").await;
    assert!(is(&answer, 400, "malformed_request"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_trusted_says_whom_it_speaks_for_and_others_are_nobody() {
    let trusting = "trusted_proxies: [unix, 10.0.0.0/8]";
    let mut setup = setup(trusting);
    setup.set("/routes/0/callers", "[network: [192.0.2.0/24]]");
    let world = setup.start().await;
    let socket = world.path("apis.sock");
    let from = |hops: &str| get("/a", &format!("X-Forwarded-For: {hops}\r\n"));
    for (hops, is_let_in) in [
        ("192.0.2.7", true),
        ("203.0.113.9, 192.0.2.7, 10.0.0.1", true),
        ("192.0.2.7, 203.0.113.9", false),
        ("192.0.2.7, unknown", false),
        ("unknown", false),
        ("0.0.0.0", false),
    ] {
        let answer = ask(&socket, from(hops)).await;
        let (status, reason) = match is_let_in {
            true => (200, ""),
            false => (401, ""),
        };
        assert!(
            is(&answer, status, reason) || !is_let_in && is(&answer, 403, ""),
            "{hops}: {answer}"
        );
    }
    assert!(
        !is(&ask(&socket, get("/a", "")).await, 200, ""),
        "it names nobody"
    );
    // The chain goes on as it came: the proxy itself has no address to add.
    ask(&socket, from("192.0.2.7")).await;
    assert_eq!(world.echoed("x-forwarded-for"), "192.0.2.7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_of_everybody_hold_for_nobody_without_an_address() {
    let mut setup = setup("trusted_proxies: [10.0.0.0/8]");
    setup.set("/routes/0/callers", "[network: ['0.0.0.0/0', '::/0']]");
    let world = setup.start().await;
    let socket = world.path("apis.sock");
    for headers in [
        "",
        "X-Forwarded-For: 192.0.2.7\r\n",
        "X-Forwarded-For: 10.0.0.1\r\n",
    ] {
        let answer = ask(&socket, get("/a", headers)).await;
        assert!(
            is(&answer, 403, "network_not_allowed"),
            "{headers}: {answer}"
        );
    }
    assert_eq!(world.contoso.echo.last().map(drop), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_proxy_all_are_one_to_the_limits_of_an_address() {
    let limited = "limits: { per_address: { rate: 1/h, burst: 2 } }";
    let world = world(limited).await;
    let socket = world.path("apis.sock");
    let lying = |number| get("/a", &format!("X-Forwarded-For: 192.0.2.{number}\r\n"));
    for number in 0..2 {
        assert!(is(&ask(&socket, lying(number)).await, 200, ""));
    }
    assert!(is(&ask(&socket, lying(3)).await, 429, "rate_limit"));
    // A trusted one speaks for each.
    let world = self::world(&format!("{limited}\ntrusted_proxies: [unix]")).await;
    let socket = world.path("apis.sock");
    for number in 0..6 {
        assert!(is(&ask(&socket, lying(number / 2)).await, 200, ""));
    }
    assert!(is(&ask(&socket, lying(0)).await, 429, "rate_limit"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_header_is_heard_of_who_is_trusted_alone() {
    let world = world("{ proxy_protocol: true, trusted_proxies: [unix] }").await;
    let socket = world.path("apis.sock");
    let named = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n";
    let lying = "X-Forwarded-For: 203.0.113.9\r\n";
    let answer = ask(&socket, format!("{named}{}", get("/a", lying))).await;
    assert!(is(&answer, 200, ""), "{answer}");
    assert_eq!(world.echoed("x-forwarded-for"), "192.0.2.7");
    // One that does not know for whom it speaks: what follows is not its own word.
    ask(&socket, format!("PROXY UNKNOWN\r\n{}", get("/a", lying))).await;
    assert_eq!(world.echoed("x-forwarded-for"), "unknown");
    assert_eq!(ask(&socket, get("/a", "")).await, "", "it has to say it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_waits_for_who_is_served() {
    let mut world = world("").await;
    let socket = world.path("apis.sock");
    let mut kept = UnixStream::connect(&socket).await.unwrap();
    kept.write_all(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh")
        .await
        .unwrap();
    let serving = async |gateway: &Gateway| gateway.metric("bearergate_requests_in_flight").await;
    crate::support::eventually("it is served", async || {
        serving(&world.gateway).await == Some(1.0)
    })
    .await;
    let (cut, answer) = tokio::join!(world.gateway.drain(), async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        kept.write_all(b"i").await.unwrap();
        let mut answer = String::new();
        kept.read_to_string(&mut answer).await.unwrap();
        answer
    });
    assert_eq!(cut, 0);
    assert!(is(&answer, 200, ""), "{answer}");
    assert!(
        UnixStream::connect(&socket).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_left_is_replaced_and_whoever_runs_is_not() {
    let setup = setup("socket_mode: '0660'");
    let (config, socket) = (setup.written(), setup.path("apis.sock"));
    let process = Process::serve(&config).await;
    let mode = socket.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let told = format!("apis cannot listen on unix:{}", socket.display());
    run(&["serve", "--config", &config])
        .ends(1)
        .says(&[&told, "in use"]);
    assert!(is(&ask(&socket, get("/a", "")).await, 200, ""));
    drop(process);
    assert!(socket.exists(), "it was killed");
    let _next = Process::serve(&config).await;
    assert!(is(&ask(&socket, get("/a", "")).await, 200, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_takes_the_socket_over_and_no_request_fails() {
    let setup = setup("");
    let (config, socket) = (setup.written(), setup.path("apis.sock"));
    let folder = setup.path("meet").display().to_string();
    let serve = async || {
        let arguments = ["serve", "--config", &config, "--hand-over", &folder];
        let process = Process::start(&arguments, |_| {});
        process.says("admin listening").await;
        process
    };
    let mut serving = serve().await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let (path, asking) = (socket.clone(), stop.subscribe());
    let load = tokio::spawn(async move {
        let mut asked = 0;
        while !*asking.borrow() {
            let answer = ask(&path, get("/a", "")).await;
            assert!(is(&answer, 200, ""), "{answer}");
            asked += 1;
        }
        asked
    });
    stopped.mark_unchanged();
    for _ in 0..3 {
        let next = serve().await;
        serving.says("stopping: a successor accepts").await;
        assert_eq!(serving.ended().await, Some(0));
        serving = next;
    }
    stop.send(true).unwrap();
    assert!(load.await.unwrap() > 10);
}
