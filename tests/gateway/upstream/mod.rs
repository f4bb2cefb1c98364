//! What holds between the gateway and an upstream.

mod attempts;
mod failures;
mod framing;
mod grpc;
mod http2;
mod http2_agreed;
mod http2_faults;
mod http2_garbage;
mod interim;
mod lasting;
mod patience;
mod proxied;
mod ranges;
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

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n")
}
