//! The process's own log: what stalls or floods it stops nothing, and it has one shape.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{Connection, Process, Reply, command};

/// As many routes as there are to nowhere, and no access lines: each failure is a warning.
fn failing(routes: usize, level: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    let mut text = format!(
        "version: 1\nthreads: 2\nlog: {{ level: {level}, access: false }}\n\
         listeners: {{ apis: {{ address: 127.0.0.1:0 }} }}\n\
         admin: {{ address: 127.0.0.1:0 }}\nroutes:\n"
    );
    for number in 0..routes {
        let _ = writeln!(
            text,
            "  - {{ id: r{number}, listener: apis, match: {{ path: /r{number} }}, \
             callers: public, upstream: {{ url: http://127.0.0.1:1 }} }}"
        );
    }
    std::fs::write(&file, text).unwrap();
    (folder, file.display().to_string())
}

async fn get(connection: &mut Connection, path: &str) -> Reply {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connection.send(request).await;
    connection.reply().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_standard_error_that_stalls_stops_nothing() {
    let (_folder, file) = failing(800, "info");
    let mut command = command(&["serve", "--config", &file]);
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // What it says until it listens is read, and then nothing any more.
    let log = child.stderr.take().unwrap();
    let mut log = BufReader::new(log).lines();
    let mut addresses: Vec<SocketAddr> = Vec::new();
    while addresses.len() < 2 {
        let line = log.next_line().await.unwrap().expect("it runs");
        let line: Value = serde_json::from_str(&line).unwrap();
        addresses.extend(
            line["address"]
                .as_str()
                .map(|it| it.parse::<SocketAddr>().unwrap()),
        );
    }
    let mut caller = Connection::open(addresses[0]).await;
    let mut admin = Connection::open(addresses[1]).await;
    // A line has some 250 bytes, and a pipe takes 64 KiB.
    for number in 0..800 {
        let reply = get(&mut caller, &format!("/r{number}")).await;
        assert_eq!(reply.reason(), "upstream_unreachable");
    }
    assert_eq!(get(&mut admin, "/livez").await.status, 200);
    drop(log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_one_failure_is_a_few_lines_and_a_count() {
    let (_folder, file) = failing(1, "info");
    let gate = Process::serve(&file).await;
    let mut caller = Connection::open(gate.address("apis")).await;
    let start = std::time::Instant::now();
    for _ in 0..500 {
        assert_eq!(get(&mut caller, "/r0").await.status, 502);
    }
    let seconds = start.elapsed().as_secs() + 1;
    let (_, _, log) = gate.stop().await;
    let told: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("upstream_unreachable"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(told.len() as u64 <= 2 * seconds + 1, "{log}");
    let times: u64 = told
        .iter()
        .map(|line| line["times"].as_u64().unwrap_or(1))
        .sum();
    assert_eq!(times, 500, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_request_is_one_line_of_the_shape_that_both_logs_have() {
    let (folder, file) = failing(1, "info");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("access: false", "access: true")).unwrap();
    let gate = Process::serve(&file).await;
    let mut caller = Connection::open(gate.address("apis")).await;
    assert_eq!(get(&mut caller, "/r0").await.status, 502);
    let (_, out, log) = gate.stop().await;
    drop(folder);
    let told: Vec<&str> = log.lines().chain(out.lines()).collect();
    let of_it = told
        .iter()
        .filter(|line| line.contains("upstream_unreachable"));
    assert_eq!(of_it.count(), 1, "{told:?}");
    for line in told {
        let line: Value = serde_json::from_str(line).unwrap();
        let is_access = line["kind"] == "access";
        assert!(is_access || line["kind"] == "process", "{line}");
        assert_eq!(line["timestamp"].as_str().unwrap().len(), 24, "{line}");
        assert!(line["level"] == "WARN" || !is_access, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_level_trace_survives_a_latin_1_header_and_shows_no_library() {
    let (_folder, file) = failing(1, "trace");
    let gate = Process::serve(&file).await;
    let mut caller = Connection::open(gate.address("apis")).await;
    for bytes in [
        &b"GET /r0 HTTP/1.1\r\nHost: a\r\nX-Name: J\xf6rg\r\n\r\n"[..],
        b"GET /r0 HTTP/1.1\r\nHost: a\r\nX-Name: J\xf6rg\r\nContent-Length: 2\r\n\r\n\xf6\xf6",
    ] {
        caller.send(bytes).await;
        assert_eq!(caller.reply().await.unwrap().status, 502);
    }
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0));
    assert!(!log.contains("panicked"), "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let target = line["target"].as_str().unwrap();
        assert!(target.starts_with("bearergate"), "{line}");
    }
}
