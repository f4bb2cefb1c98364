//! What holds between the gateway and an upstream.

mod attempts;
mod balance;
mod crowded;
mod failures;
mod framing;
mod grpc;
mod http2;
mod http2_agreed;
mod http2_faults;
mod http2_garbage;
mod interim;
mod lasting;
mod mutual_tls;
mod patience;
mod proxied;
mod ranges;
mod repeated;
mod reverse;
mod sockets;
mod streams;
mod telling;
mod tls;
mod trailers;
mod tunnels;

use crate::support::{Connection, Gateway, Origin, Setup};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn world(listener: &str, upstream: &str) -> (Origin, Gateway) {
    let origin = Origin::open().await;
    let gateway = Setup::open(&origin.url(), listener, upstream)
        .gateway()
        .await;
    (origin, gateway)
}

async fn asked(gateway: &Gateway, request: &str) -> Connection {
    let mut caller = gateway.connect("apis").await;
    caller.send(request).await;
    caller
}

/// A gateway before these urls; what else is said of the upstream.
fn before(urls: &[String], upstream: &str) -> Setup {
    let mut setup = Setup::of("open.yaml");
    let urls = urls.join(", ");
    setup.set("/routes/0/upstream", &format!("{{ urls: [{urls}] }}"));
    setup.put("/routes/0/upstream", upstream)
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// How often requests were put to the upstream once more, for this cause.
async fn repetitions(gateway: &Gateway, cause: &str) -> f64 {
    let name = "bearergate_upstream_repetitions_total";
    let series = format!("{name}{{cause=\"{cause}\",route=\"open\"}}");
    gateway.metric(&series).await.unwrap_or_default()
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n")
}
