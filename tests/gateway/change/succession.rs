//! One process takes the place of another on the same sockets, when it has its keys and tokens, and
//! nobody is refused in between.

use std::os::unix::fs::PermissionsExt;

use bearergate::fake::Contoso;

use super::load::Load;
use super::{get, setup};
use crate::support::{
    API_KEY, Connection, Frame, Frames, Origin, Process, Setup, eventually, fields, run,
};

/// A port that was free a moment ago.
fn free() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().to_string()
}

fn with_ports() -> Setup {
    let mut setup = setup();
    for place in ["/listeners/apis/address", "/admin/address"] {
        setup.set(place, &free());
    }
    setup
}

/// The next process, once it accepts.
async fn successor(config: &str, folder: &str) -> Process {
    let process = Process::start(
        &["serve", "--config", config, "--hand-over", folder],
        |_| {},
    );
    process.says("admin listening").await;
    process
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_successors_take_over_and_no_request_fails() {
    let setup = with_ports();
    let (config, folder) = (setup.written(), setup.path("meet").display().to_string());
    let mut serving = successor(&config, &folder).await;
    serving.says("\"message\":\"ready\"").await;
    let token = setup.token().role(Contoso::CALC_ROLE).mint();
    let ask = |path: &str, header: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n{header}\r\n\r\n")
    };
    let requests = vec![
        ask(
            "/calc/v1/add/1/1",
            &format!("Authorization: Bearer {token}"),
        ),
        ask("/mail/x", &format!("X-Api-Key: {API_KEY}")),
    ];
    let load = Load::on(serving.address("apis"), requests).await;
    let mut gone = Vec::new();
    for _ in 0..20 {
        let next = successor(&config, &folder).await;
        serving.says("stopping: a successor accepts").await;
        // It has its keys before it accepts: whoever asks its admin pages finds it ready.
        assert_eq!(get(&next, "admin", "/readyz", "").await.status, 200);
        let before = load.answered();
        eventually("callers go on", async || load.answered() > before + 20).await;
        gone.push(std::mem::replace(&mut serving, next));
    }
    for mut process in gone {
        assert_eq!(process.ended().await, Some(0), "{}", process.log());
        assert!(
            process.log().contains("every request was answered"),
            "{}",
            process.log()
        );
    }
    println!("{} answered over 20 hand-overs", load.end().await);
    let (code, _, log) = serving.stop().await;
    assert_eq!(code, Some(0), "{log}");
    let refused = tokio::net::TcpStream::connect(setup.tree["admin"]["address"].as_str().unwrap());
    assert!(refused.await.is_err(), "nobody is left who listens");
}

/// GET of a path, as a head of HTTP/2.
fn head(path: &str) -> Vec<u8> {
    let pseudo = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", path),
    ];
    fields(&pseudo)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_web_sockets_end_well_where_they_began_and_new_ones_begin_at_the_successor() {
    let origin = Origin::open().await;
    let mut setup = with_ports().put("/listeners/apis", "protocols: [http1, h2c]");
    setup.set("/routes/2/upstream", &format!("url: {}", origin.url()));
    let (config, folder) = (setup.written(), setup.path("meet").display().to_string());
    let mut serving = successor(&config, &folder).await;
    serving.says("\"message\":\"ready\"").await;
    let address = serving.address("apis");

    let wish = "GET /open/talk HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: x\r\n\r\n";
    let mut talker = Connection::open(address).await;
    talker.send(wish).await;
    let mut heard = origin.accept().await;
    heard.head().await.unwrap();
    heard.send(agreed).await;
    talker.head().await.unwrap();
    let (mut busy, mut idle) = (Frames::open(address).await, Frames::open(address).await);
    idle.until(Frame::SETTINGS).await.unwrap();
    busy.ask(1, &head("/open/slow")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();

    let next = successor(&config, &folder).await;
    serving.says("stopping: a successor accepts").await;
    // Whoever comes now is served by it, whatever the first still has to do.
    let mut new = Frames::open(address).await;
    new.ask(1, &head("/open/new")).await;
    let mut fresh = origin.accept().await;
    fresh.head().await.unwrap();
    fresh
        .send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew")
        .await;
    assert_eq!(new.outcome(1).await, Ok("new".to_owned()));
    // Each of the others is told: the one by GOAWAY, the other by a frame that closes it, both ways.
    assert_eq!(idle.until(Frame::GOAWAY).await.unwrap().code(), 0);
    let goodbye = talker.rest().await;
    assert!(goodbye.ends_with("going away"), "{goodbye:?}");
    assert!(!heard.rest().await.is_empty());
    // And whoever was being served is served to the end.
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
        .await;
    assert_eq!(busy.outcome(1).await, Ok("slow".to_owned()));
    assert_eq!(serving.ended().await, Some(0), "{}", serving.log());
    assert!(
        serving.log().contains("every request was answered"),
        "{}",
        serving.log()
    );
    new.ask(3, &head("/open/still")).await;
    fresh.head().await.unwrap();
    fresh
        .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstill")
        .await;
    assert_eq!(new.outcome(3).await, Ok("still".to_owned()));
    drop(next);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_cannot_serve_leaves_everything_as_it_is() {
    let mut setup = with_ports();
    let (config, folder) = (setup.written(), setup.path("meet").display().to_string());
    let serving = successor(&config, &folder).await;
    serving.says("\"message\":\"ready\"").await;
    // It takes the sockets, and then finds a port of its own taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let more = taken.local_addr().unwrap();
    setup.add("/listeners", &format!("more: {{ address: {more} }}"));
    let other = setup.path("other.yaml");
    std::fs::write(&other, setup.text()).unwrap();
    let other = other.display().to_string();
    run(&["serve", "--config", &other, "--hand-over", &folder])
        .ends(1)
        .says(&["more cannot listen on", "in use"]);
    serving
        .says("a successor came, and did not take over")
        .await;
    assert_eq!(get(&serving, "apis", "/open/x", "").await.status, 200);
    // And the next one still finds it.
    let next = successor(&config, &folder).await;
    serving.says("stopping: a successor accepts").await;
    assert_eq!(get(&next, "apis", "/open/x", "").await.status, 200);
}

#[tokio::test]
async fn a_folder_that_others_may_enter_is_refused() {
    let setup = Setup::of("calc.yaml").fill("ISSUER", "http://127.0.0.1:1");
    let folder = setup.path("meet");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let folder = folder.display().to_string();
    run(&[
        "serve",
        "--config",
        &setup.written(),
        "--hand-over",
        &folder,
    ])
    .ends(1)
    .says(&["--hand-over", "its mode is 0755; it must be 0700"]);
}
