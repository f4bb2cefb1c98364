//! Change without a request that fails: a gateway that runs takes over another file, other secrets and
//! other keys, and one process takes the place of another.

mod follow;
mod load;
mod rotation;
mod service;
mod succession;

use crate::support::{Connection, Process, Reply, Setup};

const TAKEN: &str = "configuration taken over";
const REFUSED: &str = "configuration refused";

fn setup() -> Setup {
    Setup::of("reload.yaml").put("", "log: { format: json }")
}

async fn get(gate: &Process, listener: &str, path: &str, headers: &str) -> Reply {
    let mut connection = Connection::open(gate.address(listener)).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    connection.send(request).await;
    connection.reply().await.unwrap()
}

async fn metric(gate: &Process, name: &str) -> String {
    let text = get(gate, "admin", "/metrics", "").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let found = line.unwrap_or_else(|| panic!("{name} in {text}"));
    found.trim().to_owned()
}
