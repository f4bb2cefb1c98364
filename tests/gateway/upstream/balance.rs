//! Several places for one upstream: who gets a request, who gets none, and who gets them again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpSocket;

use super::{OK, before, get, ok, repetitions};
use crate::support::{
    API_KEY, Answering, Connection, Gateway, Origin, Setup, World, eventually, is,
};

/// So many places that answer with their number, and their urls.
async fn places(count: usize) -> (Vec<Answering>, Vec<String>) {
    let mut places = Vec::new();
    for number in 0..count {
        let origin = Origin::open().await;
        places.push(origin.answering(move |_| ok(&number.to_string())));
    }
    let urls = places.iter().map(|it| it.url.clone()).collect();
    (places, urls)
}

/// Where nobody listens so far.
struct Closed(TcpSocket);

impl Closed {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    fn open(self) -> Origin {
        Origin::over(self.0.listen(64).unwrap())
    }
}

/// Who answered, request by request, on one connection.
async fn answers(gateway: &Gateway, count: usize) -> Vec<String> {
    let mut caller = gateway.connect("apis").await;
    let mut answers = Vec::new();
    for _ in 0..count {
        caller.send(get("/")).await;
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text());
        answers.push(reply.text());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_take_turns_each_by_its_own_name_and_the_line_tells_which() {
    let (places, urls) = places(3).await;
    let gateway = before(&urls, "").gateway().await;
    assert_eq!(
        answers(&gateway, 7).await,
        ["0", "1", "2", "0", "1", "2", "0"]
    );
    let lines = gateway.lines(7).await;
    for (number, place) in places.iter().enumerate() {
        let heads = place.heads();
        assert!(
            heads.iter().all(|(connection, _)| *connection == 0),
            "one connection each"
        );
        let host = format!("Host: {}\r\n", place.url.trim_start_matches("http://"));
        assert!(
            heads.iter().all(|(_, head)| head.contains(&host)),
            "{heads:?}"
        );
        assert_eq!(lines[number]["upstream"], *place.url);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_down_costs_no_request_rests_and_serves_again() {
    let (_places, mut urls) = places(1).await;
    let closed = Closed::new();
    urls.push(closed.url());
    let health = "health: { failures: 3, rest: 3s }";
    let gateway = before(&urls, health).gateway().await;
    // Also what may not be repeated: nothing of it had been sent.
    for _ in 0..3 {
        for method in ["GET", "POST"] {
            let request =
                format!("{method} / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi");
            let reply = gateway.raw("apis", request).await;
            assert_eq!(
                (reply.status, reply.text()),
                (200, "0".to_owned()),
                "{method}"
            );
        }
    }
    assert_eq!(repetitions(&gateway, "connect").await, 3.0);
    // It rests: nobody tries it until it may be tried, then one does.
    answers(&gateway, 4).await;
    assert!(repetitions(&gateway, "connect").await <= 4.0);
    let _place = closed.open().answering(|_| ok("back"));
    eventually("it serves again", async || {
        answers(&gateway, 2).await.contains(&"back".to_owned())
    })
    .await;
    let mut both = answers(&gateway, 4).await;
    both.sort_unstable();
    assert_eq!(both, ["0", "0", "back", "back"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_accepts_and_never_answers_rests_and_where_all_do_all_are_tried() {
    let (silent, open) = (Origin::open().await, Origin::open().await);
    let urls = [silent.url(), open.url()];
    let more = "{ timeouts: { response: 1s }, health: { failures: 1, rest: 1h } }";
    let gateway = before(&urls, more).gateway().await;
    // The kernel accepts for it.
    let reply = gateway.get("apis", "/", &[]).await;
    assert_eq!(reply.verdict(), is(504, "upstream_timeout"));
    let last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nwell";
    let answering = open.answering(|_| last.to_owned());
    assert_eq!(answers(&gateway, 5).await, ["well"; 5]);
    assert_eq!(repetitions(&gateway, "connect").await, 0.0);
    drop(answering);
    // Its listener is gone: nobody is well any more, so nobody is passed over.
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(gateway.get("apis", "/", &[]).await.reason());
    }
    let silent = "upstream_timeout".to_owned();
    assert!(seen.contains(&silent), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_tell_how_each_place_is_and_how_many_requests_are_with_it() {
    let busy = Origin::open().await;
    let closed = Closed::new();
    let more = "{ limits: { requests: 3 }, health: { failures: 1, rest: 1h } }";
    let gateway = before(&[busy.url(), closed.url()], more).gateway().await;
    let mut caller = gateway.connect("apis").await;
    caller.send(get("/")).await;
    let mut upstream = busy.accept().await;
    upstream.head().await.unwrap();
    // The other one cannot be connected to: this request goes on to the first, too.
    let mut second = gateway.connect("apis").await;
    second.send(get("/")).await;
    let mut other = busy.accept().await;
    other.head().await.unwrap();
    let metric = async |name: &str, labels: String| {
        let series = format!("bearergate_{name}{{{labels}}}");
        gateway.metric(&series).await.unwrap_or(f64::NAN)
    };
    let (busy, closed) = (busy.url(), closed.url());
    for (endpoint, requests, condition) in [(&busy, 2.0, "well"), (&closed, 0.0, "resting")] {
        let place = format!("endpoint=\"{endpoint}\"");
        assert_eq!(metric("endpoint_requests", place.clone()).await, requests);
        for word in ["well", "resting", "unwell"] {
            let labels = format!("condition=\"{word}\",{place}");
            let expected = f64::from(u8::from(word == condition));
            assert_eq!(
                metric("endpoint_condition", labels).await,
                expected,
                "{endpoint} {word}"
            );
        }
    }
    let route = || "route=\"open\"".to_owned();
    assert_eq!(metric("upstream_requests", route()).await, 2.0);
    assert_eq!(metric("upstream_requests_limit", route()).await, 3.0);
    for upstream in [&mut upstream, &mut other] {
        upstream.send(OK).await;
    }
    caller.reply().await.unwrap();
    second.reply().await.unwrap();
    eventually("none is counted any more", async || {
        metric("upstream_requests", route()).await == 0.0
            && metric("endpoint_requests", format!("endpoint=\"{busy}\"")).await == 0.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_busy_gets_fewer_requests() {
    let slow = Origin::open().await;
    let (_places, mut urls) = places(1).await;
    urls.insert(0, slow.url());
    let gateway = before(&urls, "balance: least_requests").gateway().await;
    let mut caller = gateway.connect("apis").await;
    caller.send(get("/")).await;
    let mut upstream = slow.accept().await;
    upstream.head().await.unwrap();
    assert_eq!(answers(&gateway, 6).await, ["0"; 6]);
    // A long answer is a request for as long as it lasts.
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na")
        .await;
    caller.until("\r\n\r\na").await.unwrap();
    assert_eq!(answers(&gateway, 3).await, ["0"; 3]);
    upstream.send("bc").await;
    caller.until("bc").await.unwrap();
    let mut next = gateway.connect("apis").await;
    eventually("it has its turn", async || {
        next.send(get("/")).await;
        tokio::select! {
            head = upstream.head() => head.is_some(),
            reply = next.reply() => reply.is_none(),
        }
    })
    .await;
}

/// Two places, of which the first says of itself what it is told to; every head that either got.
async fn checked(check: &str) -> (World, Arc<AtomicBool>, Answering, Answering) {
    let is_well = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&is_well);
    let first = Origin::open().await.answering(move |head| {
        match head.starts_with("GET /health?deep") && !told.load(Ordering::SeqCst) {
            true => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
            false => ok("first"),
        }
    });
    let second = Origin::open().await.answering(|_| ok("second"));
    let check = format!("health: {{ check: {{ path: '/health?deep', interval: 10ms, {check} }} }}");
    let mut setup = Setup::of("carried.yaml");
    let urls = format!("urls: [{}, {}]", first.url, second.url);
    setup.set("/routes/0/upstream", &format!("{{ {urls}, {check} }}"));
    (setup.start().await, is_well, first, second)
}

async fn asked_with_key(gateway: &Gateway) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: a.example\r\nX-Api-Key: {API_KEY}\r\n\r\n");
    let mut caller: Connection = gateway.connect("apis").await;
    caller.send(request).await;
    caller.reply().await.expect("an answer").text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_whose_check_fails_gets_no_requests_and_no_check_carries_a_token() {
    let (world, is_well, first, second) = checked("failures: 2, successes: 2").await;
    let seen = async || {
        [
            asked_with_key(&world.gateway).await,
            asked_with_key(&world.gateway).await,
        ]
    };
    let both = async || seen().await.contains(&"first".to_owned());
    let mut at_first = seen().await;
    at_first.sort_unstable();
    assert_eq!(at_first, ["first", "second"]);
    is_well.store(false, Ordering::SeqCst);
    eventually("it gets none", async || !both().await && !both().await).await;
    assert_eq!(seen().await, ["second", "second"]);
    is_well.store(true, Ordering::SeqCst);
    eventually("it gets some again", both).await;
    for (number, head) in first.heads().into_iter().chain(second.heads()) {
        let is_check = head.starts_with("GET /health?deep HTTP/1.1\r\n");
        let lower = head.to_ascii_lowercase();
        assert_eq!(
            lower.contains("\r\nauthorization: bearer "),
            !is_check,
            "{number} {head}"
        );
        assert!(lower.contains("\r\nhost: 127.0.0.1:"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_token_goes_to_each_place_and_is_asked_for_once() {
    let (places, urls) = places(2).await;
    let mut setup = Setup::of("carried.yaml");
    setup.set(
        "/routes/0/upstream",
        &format!("{{ urls: [{}] }}", urls.join(", ")),
    );
    let world = setup.start().await;
    for _ in 0..4 {
        asked_with_key(&world.gateway).await;
    }
    for place in &places {
        let heads = place.heads();
        assert_eq!(heads.len(), 2);
        assert!(
            heads
                .iter()
                .all(|(_, head)| head.contains("Authorization: Bearer "))
        );
        assert!(heads.iter().all(|(_, head)| !head.contains(API_KEY)));
    }
    assert_eq!(world.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_comes_or_goes_leaves_the_others_their_connections() {
    let (places, urls) = places(3).await;
    let mut setup = before(&urls[..2], "");
    let gateway = setup.gateway().await;
    answers(&gateway, 4).await;
    setup.set(
        "/routes/0/upstream",
        &format!("{{ urls: [{}] }}", urls[1..].join(", ")),
    );
    gateway.reload(setup.config()).await.unwrap();
    let mut now = answers(&gateway, 4).await;
    now.sort_unstable();
    assert_eq!(now, ["1", "1", "2", "2"]);
    let connections = places[1].heads().into_iter().map(|(number, _)| number);
    assert_eq!(connections.collect::<Vec<_>>(), [0, 0, 0, 0]);
}
