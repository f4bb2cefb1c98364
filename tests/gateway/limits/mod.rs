//! How much is too much: rates, requests at a time and sizes, through the real gateway; and the ways
//! past a limit.

mod bodies;
mod concurrent;
mod evasion;
mod http2;
mod rates;
mod shared;

use crate::support::{Answering, Gateway, Origin, Reply, Setup, World};

const LIMITED: (u16, &str) = (429, "rate_limit");

/// An upstream that says `ok`, and a gateway before it.
async fn world() -> (Answering, World) {
    let origin = Origin::open()
        .await
        .answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned());
    let setup = Setup::of("limits.yaml").fill("UPSTREAM", &*origin.url);
    (origin, setup.ready().await)
}

/// Asks so often; the statuses.
async fn statuses(gateway: &Gateway, target: &str, headers: &[String], often: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..often {
        statuses.push(gateway.get("apis", target, headers).await.status);
    }
    statuses
}

fn bearer(token: &str) -> Vec<String> {
    vec![format!("Authorization: Bearer {token}")]
}

fn key(key: &str) -> Vec<String> {
    vec![format!("X-Api-Key: {key}")]
}

/// That a 429 says when to come again, in both ways.
fn says_when(reply: &Reply, policy: &str) {
    assert_eq!(reply.status, 429, "{}", reply.text());
    assert_eq!(reply.header("ratelimit-policy"), Some(policy));
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(wait > 0);
    let name = policy.split(';').next().unwrap();
    assert_eq!(
        reply.header("ratelimit"),
        Some(&*format!("{name};r=0;t={wait}"))
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}
