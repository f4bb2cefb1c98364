use std::collections::HashMap;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::*;
use crate::admission::{HeaderRules, PlanLimits};
use crate::edge::{Bound, Edge, Era, Limits, Protocols, Settings, Timeouts};
use crate::routing::Table;
use crate::telemetry::{Rates, Refusals, Samples};

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn admin(address: &str) -> Admin {
    let plan = Plan {
        listeners: Vec::new(),
        preserves_header_case: false,
        routes: Table::new(Vec::new()),
        headers: HeaderRules::new(std::iter::empty()),
        limits: PlanLimits::none(),
        issuers: HashMap::new(),
        tokens: Vec::new(),
        user_tokens: Vec::new(),
        store: None,
        tracer: None,
        observers: None,
        next: Default::default(),
    };
    Admin {
        plan: Arc::new(ArcSwap::from_pointee(plan)),
        observed: Observed {
            listeners: Vec::new(),
            refusals: Refusals::new(),
            rates: Arc::new(Rates::new(Metrics::new())),
        },
        metrics: Metrics::new(),
        readiness: Arc::new(Readiness::new(false, NOW)),
        address: address.parse().unwrap(),
    }
}

fn ask(admin: &Admin, method: Method, path: &str, host: &str) -> Response<Vec<u8>> {
    let host = HeaderValue::from_str(host).unwrap();
    admin.answer(&method, path, Some(&host), NOW)
}

#[test]
fn it_answers_three_questions_and_no_other() {
    let admin = admin("127.0.0.1:9090");
    for (method, path, status, kind) in [
        (Method::GET, "/livez", 200, TEXT),
        (Method::HEAD, "/livez", 200, TEXT),
        (Method::GET, "/readyz", 200, JSON),
        (Method::GET, "/metrics", 200, METRICS),
        (Method::POST, "/livez", 405, TEXT),
        (Method::DELETE, "/metrics", 405, TEXT),
        (Method::OPTIONS, "/readyz", 405, TEXT),
        (Method::GET, "/", 404, TEXT),
        (Method::POST, "/", 404, TEXT),
        (Method::GET, "/livez/", 404, TEXT),
        (Method::GET, "/LIVEZ", 404, TEXT),
        (Method::GET, "/status/", 404, TEXT),
        (Method::GET, "//livez", 404, TEXT),
    ] {
        let answer = ask(&admin, method.clone(), path, "localhost:9090");
        assert_eq!(answer.status(), status, "{method} {path}");
        assert_eq!(answer.headers()[CONTENT_TYPE], kind, "{method} {path}");
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(
            answer.headers()[CONTENT_LENGTH],
            answer.body().len().to_string()
        );
        assert_eq!(answer.headers().contains_key(ALLOW), status == 405);
    }
}

#[test]
fn on_loopback_only_loopback_names_are_answered() {
    let admin = admin("127.0.0.1:9090");
    for host in [
        "localhost",
        "LocalHost:9090",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.8.8.8",
        "[::1]",
        "[::1]:9090",
    ] {
        assert_eq!(
            ask(&admin, Method::GET, "/livez", host).status(),
            200,
            "{host}"
        );
    }
    for host in [
        "attacker.example",
        "attacker.example:9090",
        "localhost.attacker.example",
        "127.0.0.1.attacker.example",
        "localhost@attacker.example",
        "attacker.example@localhost",
        "10.0.0.1",
        "[::2]",
        "[fe80::1]",
        "[::1].attacker.example",
        "[::1]attacker.example:9090",
        "[::1]:attacker",
        "localhost:attacker",
        "0.0.0.0",
        "localhost, attacker.example",
        "",
    ] {
        for path in ["/livez", "/readyz", "/metrics", "/"] {
            assert_eq!(ask(&admin, Method::GET, path, host).status(), 421, "{host}");
        }
    }
    let none = admin.answer(&Method::GET, "/livez", None, NOW);
    assert_eq!(none.status(), 421);
    assert_eq!(
        ask(&admin, Method::GET, "/livez", "localhost").status(),
        200
    );
}

#[test]
fn two_hosts_are_none() {
    let mut headers = http::HeaderMap::new();
    assert_eq!(only_host(&headers), None);
    let host = |name| HeaderValue::from_static(name);
    headers.append(http::header::HOST, host("localhost"));
    assert_eq!(only_host(&headers), Some(&host("localhost")));
    headers.append(http::header::HOST, host("attacker.example"));
    assert_eq!(only_host(&headers), None);
}

#[test]
fn off_loopback_a_probe_may_use_any_name() {
    let admin = admin("0.0.0.0:9090");
    for host in ["10.0.0.7:9090", "bearergate-admin.gateway.svc", "localhost"] {
        assert_eq!(
            ask(&admin, Method::GET, "/readyz", host).status(),
            200,
            "{host}"
        );
    }
    assert_eq!(
        admin.answer(&Method::GET, "/livez", None, NOW).status(),
        200
    );
}

#[test]
fn draining_is_alive_and_not_ready() {
    let admin = admin("127.0.0.1:9090");
    let ready = ask(&admin, Method::GET, "/readyz", "localhost");
    assert_eq!(ready.status(), 200);
    admin.readiness.drain();
    let draining = ask(&admin, Method::GET, "/readyz", "localhost");
    assert_eq!(draining.status(), 503);
    let report: serde_json::Value = serde_json::from_slice(draining.body()).unwrap();
    assert_eq!(report["state"], "draining");
    assert_eq!(
        ask(&admin, Method::GET, "/livez", "localhost").status(),
        200
    );
}

#[test]
fn metrics_are_those_that_were_counted() {
    let admin = admin("127.0.0.1:9090");
    admin.metrics.panicked();
    let answer = ask(&admin, Method::GET, "/metrics", "localhost");
    let text = String::from_utf8(answer.into_body()).unwrap();
    assert!(text.contains("\nbearergate_panics_total 1\n"), "{text}");
}

#[tokio::test]
async fn behind_the_edge_it_speaks_http_and_keeps_what_it_should() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Bound::at(&any.into()).unwrap();
    let address = listener.address().unwrap().tcp().unwrap();
    let metrics = Metrics::new();
    let edge = Edge::new(
        Arc::new(admin("127.0.0.1:9090")),
        "admin".into(),
        Settings {
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            protocols: Protocols::PLAIN,
            tls: None,
            proxy_protocol: false,
            era: Era::default(),
        },
        metrics.edge("admin"),
    );
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(edge.run(listener.listen().unwrap(), stopping));
    let host = "Host: localhost\r\n";
    for (request, status, body, kept) in [
        (
            format!("GET /livez HTTP/1.1\r\n{host}\r\n"),
            200,
            "alive\n",
            true,
        ),
        (format!("HEAD /livez HTTP/1.1\r\n{host}\r\n"), 200, "", true),
        (
            format!("GET /livez?x=1 HTTP/1.0\r\n{host}\r\n"),
            200,
            "alive\n",
            false,
        ),
        (
            "GET /livez HTTP/1.1\r\nHost: a.example\r\n\r\n".into(),
            421,
            "wrong host\n",
            true,
        ),
        (
            format!("POST /livez HTTP/1.1\r\n{host}Content-Length: 3\r\n\r\nabc"),
            405,
            "method not allowed\n",
            false,
        ),
        (
            format!(
                "GET /livez HTTP/1.1\r\n{host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            400,
            "Content-Length beside Transfer-Encoding\n",
            false,
        ),
    ] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        if kept {
            // The second answer comes over the same connection, and ends it.
            let last = format!("GET /livez HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
            let mut first = vec![0; 4096];
            let read = client.read(&mut first).await.unwrap();
            check(
                &String::from_utf8_lossy(&first[..read]),
                status,
                body,
                &request,
            );
            client.write_all(last.as_bytes()).await.unwrap();
            let mut rest = String::new();
            client.read_to_string(&mut rest).await.unwrap();
            check(&rest, 200, "alive\n", &request);
        } else {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            check(&answer, status, body, &request);
            let says_so = answer.to_ascii_lowercase().contains("connection: close");
            assert!(says_so || answer.starts_with("HTTP/1.0 "), "{answer}");
        }
    }
    stop.send(true).unwrap();
    running.await.unwrap();
    let counted = metrics.render(&Samples::default(), NOW);
    assert!(
        counted.contains("cause=\"parser\",listener=\"admin\"} 1\n"),
        "{counted}"
    );
}

#[track_caller]
fn check(answer: &str, status: u16, body: &str, request: &str) {
    assert!(
        answer[8..].starts_with(&format!(" {status} ")),
        "{request}: {answer}"
    );
    assert!(
        answer.ends_with(&format!("\r\n\r\n{body}")),
        "{request}: {answer}"
    );
}
